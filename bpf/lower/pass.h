// SPDX-License-Identifier: Apache-2.0
// pass.h — what the parts of lowering share: the program, its facts, and where each instruction goes.
//
// Shape     one LowInsn per instruction but for three kinds: a 64-bit immediate's second slot vanishes; some context
//           accesses and every legacy packet load become several. A jump that does not reach any more is refused.
//           immediates.cc ld_imm64; ctx_access.cc context loads and stores; control_flow.cc jumps and calls;
//           legacy_load.cc BPF_LD_ABS and BPF_LD_IND.
// Threads   immutable once made.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/program.h"
#include "bpf/registry/registry.h"

namespace bpf::lower {

// How many LowInsn the instruction at `at` becomes: the two that can be more than one.
u32 count_ctx_access(const ProgSource& source, const VerifiedProgram& verified, const ProgSpec& spec, u32 at);
u32 count_legacy_load(const bpf_insn& insn);

bool is_ctx_access(const ProgSource& source, const VerifiedProgram& verified, u32 at);
bool is_legacy_load(const bpf_insn& insn);

struct Pass {
  Pass(const ProgSource& s, const VerifiedProgram& v, const ProgSpec& p) : source(s), verified(v), spec(p) {
    new_index.reserve(s.insns.size() + 1);
    u32 next = 0;
    for (u32 at = 0; at < s.insns.size(); ++at) {
      new_index.push_back(next);
      next += count(at);
      if (insn_is_ld_imm64(s.insns[at])) new_index.push_back(next - 1), ++at;
    }
    new_index.push_back(next);
  }

  u32 count(u32 at) const {
    if (!verified.facts[at].reached) return 1;
    if (is_legacy_load(source.insns[at])) return count_legacy_load(source.insns[at]);
    return is_ctx_access(source, verified, at) ? count_ctx_access(source, verified, spec, at) : 1;
  }

  base::Error refuse(u32 at, const std::string& why) const {
    return base::Error(EINVAL, "lower: instruction " + std::to_string(at) + ": " + why);
  }

  const ProgSource& source;
  const VerifiedProgram& verified;
  const ProgSpec& spec;
  std::vector<u32> new_index;  // by old index, and one behind the end
};

// Each takes an instruction with `insn`, `mem` and `origin` set and completes it, or appends what it becomes.
base::Result<LowInsn> lower_imm64(const Pass& pass, LowInsn low);
base::Status lower_ctx_access(const Pass& pass, LowInsn low, std::vector<LowInsn>& out);
void lower_legacy_load(const LowInsn& low, std::vector<LowInsn>& out);
base::Result<LowInsn> lower_call(const Pass& pass, LowInsn low);
base::Result<LowInsn> lower_jump(const Pass& pass, LowInsn low);

// Subprogram that begins at old index `at`; an error where none does.
base::Result<u32> find_subprog(const Pass& pass, const LowInsn& low, base::s64 at);

}  // namespace bpf::lower
