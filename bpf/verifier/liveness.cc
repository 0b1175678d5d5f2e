// SPDX-License-Identifier: Apache-2.0
// liveness.cc — which registers may still be read from an instruction on; others are not compared when states are
// pruned.
//
// Source    backward may-analysis inside each subprogram; a call to a subprogram reads r1 … r5, an exit reads r0. What
// is
//           said to be live and is not only costs pruning.
#include "bpf/registry/helper.h"
#include "bpf/verifier/cfg.h"

namespace bpf::verifier {
namespace {

struct Effect {
  u16 reads = 0;
  u16 writes = 0;
};

constexpr u16 bit(unsigned reg) {
  return static_cast<u16>(1U << reg);
}
constexpr u16 kCallerSaved = 0x3f;  // r0 … r5
constexpr u16 kArguments = 0x3e;    // r1 … r5

Effect call_effect(const bpf_insn& insn, bpf_prog_type type) {
  Effect e{kArguments, kCallerSaved};
  if (insn.src_reg != 0) return e;
  const HelperProto* helper = find_helper(static_cast<u32>(insn.imm), type);
  if (helper == nullptr) return e;
  e.reads = 0;
  for (unsigned a = 0; a < 5; ++a)
    if (helper->args[a] != Arg::DONTCARE) e.reads |= bit(a + 1);
  return e;
}

Effect alu_effect(const bpf_insn& insn) {
  Effect e{0, bit(insn.dst_reg)};
  if (insn_op(insn.code) != BPF_MOV) e.reads |= bit(insn.dst_reg);
  if (insn_src_is_reg(insn.code) && insn_op(insn.code) != BPF_END) e.reads |= bit(insn.src_reg);
  return e;
}

Effect atomic_effect(const bpf_insn& insn) {
  if (insn.imm == BPF_LOAD_ACQ) return {bit(insn.src_reg), bit(insn.dst_reg)};
  Effect e{static_cast<u16>(bit(insn.dst_reg) | bit(insn.src_reg)), 0};
  if (insn.imm == BPF_STORE_REL) return e;
  if (insn.imm == BPF_CMPXCHG) {
    e.reads |= bit(0);
    e.writes |= bit(0);
  } else if (insn.imm & BPF_FETCH) {
    e.writes |= bit(insn.src_reg);
  }
  return e;
}

Effect jump_effect(const bpf_insn& insn, bpf_prog_type type) {
  if (is_call(insn)) return call_effect(insn, type);
  if (is_exit(insn)) return {bit(0), 0};
  if (is_goto(insn) || is_may_goto(insn)) return {};
  Effect e{bit(insn.dst_reg), 0};
  if (insn_src_is_reg(insn.code)) e.reads |= bit(insn.src_reg);
  return e;
}

Effect effect_of(const bpf_insn& insn, bpf_prog_type type) {
  switch (insn_class(insn.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      return alu_effect(insn);
    case BPF_JMP:
    case BPF_JMP32:
      return jump_effect(insn, type);
    case BPF_LDX:
      return {bit(insn.src_reg), bit(insn.dst_reg)};
    case BPF_ST:
      return {bit(insn.dst_reg), 0};
    case BPF_STX:
      if (insn_mode(insn.code) == BPF_ATOMIC) return atomic_effect(insn);
      return {static_cast<u16>(bit(insn.dst_reg) | bit(insn.src_reg)), 0};
    default:
      if (insn_is_ld_imm64(insn)) return {0, bit(insn.dst_reg)};
      return {static_cast<u16>(bit(BPF_REG_6) | bit(insn.src_reg)), kCallerSaved};  // legacy packet access
  }
}

}  // namespace

void find_live_registers(const ProgSource& source, Cfg& cfg) {
  const auto& insns = source.insns;
  cfg.live.assign(insns.size() + 1, 0);
  for (bool changed = true; changed;) {
    changed = false;
    for (u32 i = static_cast<u32>(insns.size()); i-- > 0;) {
      if (cfg.second_slot[i]) continue;
      const bpf_insn& insn = insns[i];
      u16 after = 0;
      if (!is_exit(insn)) {
        if (!is_goto(insn)) after |= cfg.live[i + (insn_is_ld_imm64(insn) ? 2U : 1U)];
        if (is_jump(insn)) after |= cfg.live[static_cast<u32>(jump_target(insn, i))];
      }
      const Effect e = effect_of(insn, source.type);
      const u16 before = static_cast<u16>((after & ~e.writes) | e.reads);
      changed |= before != cfg.live[i];
      cfg.live[i] = before;
    }
  }
}

}  // namespace bpf::verifier
