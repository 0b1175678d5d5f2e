// SPDX-License-Identifier: Apache-2.0
// legacy_load.cc — BPF_LD_ABS and BPF_LD_IND: r0 = bytes of the packet in r6, and the end of the program where there
// are none.
//
// Shape     IND only: r2 = src, r2 += imm.   ABS: r2 = imm.   Then: r1 = r6, r3 = bytes, packet_load,
//           if r0 s>= 0 goto behind, r0 = 0, exit.
#include "bpf/lower/pass.h"

namespace bpf::lower {
namespace {

constexpr u8 kMovImm = BPF_ALU64 | BPF_MOV | BPF_K, kMovReg = BPF_ALU64 | BPF_MOV | BPF_X;

bool is_indirect(const bpf_insn& insn) {
  return insn_mode(insn.code) == BPF_IND;
}

}  // namespace

bool is_legacy_load(const bpf_insn& insn) {
  return insn_class(insn.code) == BPF_LD && (insn_mode(insn.code) == BPF_ABS || is_indirect(insn));
}

u32 count_legacy_load(const bpf_insn& insn) {
  return is_indirect(insn) ? 8 : 7;
}

void lower_legacy_load(const LowInsn& low, std::vector<LowInsn>& out) {
  const auto put = [&](u8 code, u8 dst, u8 src, s16 off, s32 imm, LowOp op = LowOp::bpf) {
    out.push_back({.insn = {.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm},
                   .op = op,
                   .origin = low.origin});
  };
  if (is_indirect(low.insn)) {
    put(kMovReg, BPF_REG_2, low.insn.src_reg, 0, 0);  // before any other register changes: it may be the source
    put(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, low.insn.imm);
  } else {
    put(kMovImm, BPF_REG_2, 0, 0, low.insn.imm);
  }
  put(kMovReg, BPF_REG_1, BPF_REG_6, 0, 0);
  put(kMovImm, BPF_REG_3, 0, 0, insn_access_bytes(low.insn.code));
  put(BPF_JMP | BPF_CALL, 0, 0, 0, 0, LowOp::packet_load);
  put(BPF_JMP | BPF_JSGE | BPF_K, BPF_REG_0, 0, 2, 0);
  put(kMovImm, BPF_REG_0, 0, 0, 0);
  put(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

}  // namespace bpf::lower
