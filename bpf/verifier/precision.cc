// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/precision.h"

namespace bpf::verifier {

void Precision::mark(u32 node) {
  todo_.assign(1, node);
  while (!todo_.empty()) {
    const u32 at = todo_.back();
    todo_.pop_back();
    if (at == 0 || nodes_[at].marked) continue;
    nodes_[at].marked = true;
    todo_.push_back(nodes_[at].deps[0]);
    todo_.push_back(nodes_[at].deps[1]);
  }
}

}  // namespace bpf::verifier
