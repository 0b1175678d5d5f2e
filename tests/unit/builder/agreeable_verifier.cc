// SPDX-License-Identifier: Apache-2.0
// A verifier for tests of the builder alone, never part of a product: accepts whatever it gets, or misbehaves on
// request.
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "bpf/verifier/verifier.h"

namespace bpf::verifier {

Verdict verify(const ProgSource& source, const Options& options) {
  if (source.name == "abort") std::abort();
  if (source.name == "segv") std::raise(SIGSEGV);
  if (source.name == "cpu limit") std::raise(SIGXCPU);
  if (source.name == "eat memory") {
    for (std::vector<char*> all;;) all.push_back(new char[size_t{256} << 20]);
  }
  if (source.name == "sleep") sleep(60);
  Verdict verdict;
  verdict.log = "level " + std::to_string(options.log_level);
  if (source.name == "reject") {
    verdict.error = EACCES;
    verdict.reason = "as asked";
    return verdict;
  }
  verdict.program.facts.resize(source.insns.size());
  for (InsnFact& fact : verdict.program.facts) fact.reached = true;
  verdict.program.subprogs = {{.begin = 0, .end = u32(source.insns.size())}};
  return verdict;
}

}  // namespace bpf::verifier
