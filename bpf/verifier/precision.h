// SPDX-License-Identifier: Apache-2.0
// precision.h — which numbers mattered: a graph from every number back to the numbers it was computed from.
//
// Shape     a checkpoint gives each scalar it holds a node of its own; a number computed later from several nodes gets
// a node
//           that depends on them. When a proof rests on a number (a branch not taken, an offset, a size), mark() its
//           node: all it depends on is marked as well, across checkpoints. Node 0: depends on nothing.
// Source    soundness of pruning: a marked number is compared by its value, an unmarked one only by being a number. A
// proof
//           rests on marked numbers only, and marks are closed under "was computed from". This is the idea of Linux's
//           precision tracking, kept as a graph instead of being recovered by walking instructions backwards.
// Cost      12 bytes per node; each node is marked once.
#pragma once

#include <vector>

#include "base/types.h"

namespace bpf::verifier {

using base::u32;

class Precision {
 public:
  Precision() : nodes_(1) {}

  // A new node behind `dep`: what a checkpoint gives a number it holds.
  u32 checkpoint(u32 dep) { return push(dep, 0); }
  // The node of a number computed from two others.
  u32 derive(u32 a, u32 b) {
    if (a == b || b == 0) return a;
    if (a == 0) return b;
    return push(a, b);
  }
  bool marked(u32 node) const { return nodes_[node].marked; }
  void mark(u32 node);

 private:
  struct Node {
    u32 deps[2] = {0, 0};
    bool marked = false;
  };
  u32 push(u32 a, u32 b) {
    nodes_.push_back({{a, b}, false});
    return static_cast<u32>(nodes_.size() - 1);
  }

  std::vector<Node> nodes_;
  std::vector<u32> todo_;
};

}  // namespace bpf::verifier
