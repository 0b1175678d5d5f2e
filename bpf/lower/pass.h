// SPDX-License-Identifier: Apache-2.0
// pass.h — what the parts of lowering share: the program, its facts, and where each instruction goes.
//
// Shape     one LowInsn per instruction; a 64-bit immediate's second slot vanishes, so distances only shrink and every
//           jump offset still fits its field.
//           immediates.cc ld_imm64; ctx_access.cc context loads and stores; control_flow.cc jumps and calls.
// Threads   immutable once made.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/program.h"
#include "bpf/registry/registry.h"

namespace bpf::lower {

struct Pass {
  Pass(const ProgSource& s, const VerifiedProgram& v, const ProgSpec& p) : source(s), verified(v), spec(p) {
    new_index.reserve(s.insns.size() + 1);
    u32 next = 0;
    for (bool second_slot = false; const bpf_insn& insn : s.insns) {
      new_index.push_back(second_slot ? next - 1 : next);
      if (!second_slot) ++next;
      second_slot = !second_slot && insn_is_ld_imm64(insn);
    }
    new_index.push_back(next);
  }

  base::Error refuse(u32 at, const std::string& why) const {
    return base::Error(EINVAL, "lower: instruction " + std::to_string(at) + ": " + why);
  }

  const ProgSource& source;
  const VerifiedProgram& verified;
  const ProgSpec& spec;
  std::vector<u32> new_index;  // by old index, and one behind the end
};

// Each takes an instruction with `insn`, `mem` and `origin` set and completes it.
base::Result<LowInsn> lower_imm64(const Pass& pass, LowInsn low);
base::Result<LowInsn> lower_ctx_access(const Pass& pass, LowInsn low);
base::Result<LowInsn> lower_call(const Pass& pass, LowInsn low);
base::Result<LowInsn> lower_jump(const Pass& pass, LowInsn low);

// Subprogram that begins at old index `at`; an error where none does.
base::Result<u32> find_subprog(const Pass& pass, const LowInsn& low, base::s64 at);

}  // namespace bpf::lower
