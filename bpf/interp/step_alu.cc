// SPDX-License-Identifier: Apache-2.0
// step_alu.cc — arithmetic, moves, byte order.
#include "bpf/interp/alu.h"
#include "bpf/interp/machine.h"

namespace bpf::interp {
namespace {

template <class T, bool kFromReg>
void step_alu(Machine& m, const Inst& i) {
  const bpf_insn& insn = i.low.insn;
  u64& dst = m.r[insn.dst_reg];
  // An immediate is sign-extended to the width of the operation.
  const T src = kFromReg ? T(m.r[insn.src_reg]) : T(base::s64(insn.imm));
  dst = kAlu<T>[insn.code >> 4](T(dst), src, insn.off);
  ++m.pc;
}

void step_swap(Machine& m, const Inst& i) {
  u64& dst = m.r[i.low.insn.dst_reg];
  dst = swap_bytes(dst, i.low.insn.imm);
  ++m.pc;
}

void step_keep(Machine& m, const Inst& i) {
  u64& dst = m.r[i.low.insn.dst_reg];
  dst = keep_bytes(dst, i.low.insn.imm);
  ++m.pc;
}

bool offset_is_known(const bpf_insn& insn) {
  const u8 op = insn_op(insn.code);
  if (op == BPF_DIV || op == BPF_MOD) return insn.off == 0 || insn.off == 1;
  if (op != BPF_MOV || !insn_src_is_reg(insn.code)) return insn.off == 0;
  const bool wide = insn_class(insn.code) == BPF_ALU64;
  return insn.off == 0 || insn.off == 8 || insn.off == 16 || (wide && insn.off == 32);
}

// Little-endian host: to_le keeps, to_be swaps; the 64-bit class always swaps.
Step find_end_step(const bpf_insn& insn) {
  if (insn.imm != 16 && insn.imm != 32 && insn.imm != 64) return nullptr;
  return insn_class(insn.code) == BPF_ALU64 || (insn.code & BPF_TO_BE) ? step_swap : step_keep;
}

}  // namespace

Step find_alu_step(const bpf_insn& insn) {
  if (insn_op(insn.code) == BPF_END) return find_end_step(insn);
  if (!kAlu<u64>[insn.code >> 4] || !offset_is_known(insn)) return nullptr;
  const bool from_reg = insn_src_is_reg(insn.code);
  if (insn_class(insn.code) == BPF_ALU64) return from_reg ? step_alu<u64, true> : step_alu<u64, false>;
  return from_reg ? step_alu<u32, true> : step_alu<u32, false>;
}

}  // namespace bpf::interp
