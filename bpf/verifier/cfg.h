// SPDX-License-Identifier: Apache-2.0
// cfg.h — the shape of a program before any value is known: subprograms, edges, prune points, live registers.
//
// Shape     build_cfg(): instructions -> Cfg, or the first problem. Checks: opcodes, 64-bit immediates, jumps stay
// inside
//           their subprogram, nothing falls off an end, every instruction is reachable.
// Source    order and words of the checks as Linux 6.18 logs them.
// Cost      linear, but live registers: a few rounds over the code.
#pragma once

#include <optional>
#include <vector>

#include "bpf/program.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {

using base::s64;

struct Subprog {
  u32 begin = 0;
  u32 end = 0;
  bool is_callback = false;  // its address is taken
  bool has_tail_call = false;
  bool has_legacy_load = false;  // BPF_LD_ABS or BPF_LD_IND: may leave it early
  bool is_global = false;        // BTF says so: verified alone
  bool changes_packet = false;   // it or what it calls moves packet data
  bool is_exception_callback = false;
  std::optional<u32> throws_at;  // a call of bpf_throw
  bool ran_as_callback = false;  // a walked call runs it
  bool is_async = false;         // a walked call runs it asynchronously
  bool called = false;           // global: a call of it was walked
  u32 stack = 0;                 // bytes touched below its frame pointer
};

struct Cfg {
  std::optional<u32> exception_callback;  // where it begins; known before the rest
  std::vector<Subprog> subprogs;          // ascending; [0] begins at 0
  std::vector<bool> prune_point;          // paths join here: states are compared
  std::vector<bool> second_slot;          // of a 64-bit immediate
  std::vector<u16> live;                  // bit r: register r may be read from here on before it is written

  // The subprogram that contains (not: begins at) `insn`.
  u32 subprog_of(u32 insn) const;
  // The one that begins there.
  std::optional<u32> subprog_at(u32 insn) const;
};

std::optional<Problem> build_cfg(const ProgSource& source, Cfg& cfg);
// Fills Cfg::live (liveness.cc).
void find_live_registers(const ProgSource& source, Cfg& cfg);

// Where a jump goes. REQUIRES: a jump other than call and exit.
inline s64 jump_target(const bpf_insn& insn, u32 at) {
  const bool far = insn.code == (BPF_JMP32 | BPF_JA);
  return s64{at} + 1 + (far ? insn.imm : insn.off);
}
inline bool is_jump(const bpf_insn& insn) {
  const u8 c = insn_class(insn.code), op = insn_op(insn.code);
  return (c == BPF_JMP || c == BPF_JMP32) && op != BPF_CALL && op != BPF_EXIT;
}
inline bool is_goto(const bpf_insn& insn) {
  return is_jump(insn) && insn_op(insn.code) == BPF_JA;
}
inline bool is_may_goto(const bpf_insn& insn) {
  return insn.code == (BPF_JMP | BPF_JCOND);
}
inline bool is_call(const bpf_insn& insn) {
  return insn.code == (BPF_JMP | BPF_CALL);
}
inline bool is_subprog_call(const bpf_insn& insn) {
  return is_call(insn) && insn.src_reg == BPF_PSEUDO_CALL;
}
inline bool is_exit(const bpf_insn& insn) {
  return insn.code == (BPF_JMP | BPF_EXIT);
}
inline bool is_func_address(const bpf_insn& insn) {
  return insn_is_ld_imm64(insn) && insn.src_reg == BPF_PSEUDO_FUNC;
}

}  // namespace bpf::verifier
