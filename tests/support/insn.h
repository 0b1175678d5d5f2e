// SPDX-License-Identifier: Apache-2.0
// insn.h — instructions in words, for tests: `code({mov64_imm(R0, 2), exit_insn()})`.
//
// Shape     every builder returns an Op of one or two instructions; code() strings them together.
// Source    RFC 9669; may_goto, gotol and the atomic load and store as Linux encodes them.
#pragma once

#include <array>
#include <initializer_list>
#include <vector>

#include "base/types.h"
#include "bpf/abi/insn.h"

namespace support {

using bpf::bpf_insn;

enum Reg : base::u8 { R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 };

struct Op {
  std::array<bpf_insn, 2> insns{};
  int count = 1;
  constexpr Op(bpf_insn insn) : insns{insn, {}} {}
  constexpr Op(bpf_insn low, bpf_insn high) : insns{low, high}, count(2) {}
};

inline std::vector<bpf_insn> code(std::initializer_list<Op> ops) {
  std::vector<bpf_insn> out;
  for (const Op& op : ops) out.insert(out.end(), op.insns.begin(), op.insns.begin() + op.count);
  return out;
}

constexpr bpf_insn make_insn(int code, base::u8 dst, base::u8 src, int off, base::s64 imm) {
  bpf_insn insn{};
  insn.code = static_cast<base::u8>(code);
  insn.dst_reg = dst & 0xf;
  insn.src_reg = src & 0xf;
  insn.off = static_cast<base::s16>(off);
  insn.imm = static_cast<base::s32>(imm);
  return insn;
}

// Arithmetic: `op` is BPF_ADD … BPF_ARSH. `off` 1 makes BPF_DIV and BPF_MOD signed; 8, 16, 32 make BPF_MOV sign-extend.
constexpr Op alu64_imm(int op, Reg dst, base::s64 imm, int off = 0) {
  return make_insn(bpf::BPF_ALU64 | op | bpf::BPF_K, dst, 0, off, imm);
}
constexpr Op alu64_reg(int op, Reg dst, Reg src, int off = 0) {
  return make_insn(bpf::BPF_ALU64 | op | bpf::BPF_X, dst, src, off, 0);
}
constexpr Op alu32_imm(int op, Reg dst, base::s64 imm, int off = 0) {
  return make_insn(bpf::BPF_ALU | op | bpf::BPF_K, dst, 0, off, imm);
}
constexpr Op alu32_reg(int op, Reg dst, Reg src, int off = 0) {
  return make_insn(bpf::BPF_ALU | op | bpf::BPF_X, dst, src, off, 0);
}
constexpr Op mov64_imm(Reg dst, base::s64 imm) {
  return alu64_imm(bpf::BPF_MOV, dst, imm);
}
constexpr Op mov64_reg(Reg dst, Reg src) {
  return alu64_reg(bpf::BPF_MOV, dst, src);
}
constexpr Op mov32_imm(Reg dst, base::s64 imm) {
  return alu32_imm(bpf::BPF_MOV, dst, imm);
}
constexpr Op mov32_reg(Reg dst, Reg src) {
  return alu32_reg(bpf::BPF_MOV, dst, src);
}
constexpr Op movsx64_reg(Reg dst, Reg src, int bits) {
  return alu64_reg(bpf::BPF_MOV, dst, src, bits);
}
constexpr Op movsx32_reg(Reg dst, Reg src, int bits) {
  return alu32_reg(bpf::BPF_MOV, dst, src, bits);
}
constexpr Op add64_imm(Reg dst, base::s64 imm) {
  return alu64_imm(bpf::BPF_ADD, dst, imm);
}
constexpr Op add64_reg(Reg dst, Reg src) {
  return alu64_reg(bpf::BPF_ADD, dst, src);
}
constexpr Op neg64(Reg dst) {
  return make_insn(bpf::BPF_ALU64 | bpf::BPF_NEG, dst, 0, 0, 0);
}
constexpr Op neg32(Reg dst) {
  return make_insn(bpf::BPF_ALU | bpf::BPF_NEG, dst, 0, 0, 0);
}
constexpr Op to_be(Reg dst, int bits) {
  return make_insn(bpf::BPF_ALU | bpf::BPF_END | bpf::BPF_TO_BE, dst, 0, 0, bits);
}
constexpr Op to_le(Reg dst, int bits) {
  return make_insn(bpf::BPF_ALU | bpf::BPF_END | bpf::BPF_TO_LE, dst, 0, 0, bits);
}
constexpr Op bswap(Reg dst, int bits) {
  return make_insn(bpf::BPF_ALU64 | bpf::BPF_END, dst, 0, 0, bits);
}

// Memory: `size` is BPF_B, BPF_H, BPF_W or BPF_DW.
constexpr Op ldx(int size, Reg dst, Reg src, int off) {
  return make_insn(bpf::BPF_LDX | bpf::BPF_MEM | size, dst, src, off, 0);
}
constexpr Op ldsx(int size, Reg dst, Reg src, int off) {
  return make_insn(bpf::BPF_LDX | bpf::BPF_MEMSX | size, dst, src, off, 0);
}
constexpr Op stx(int size, Reg dst, Reg src, int off) {
  return make_insn(bpf::BPF_STX | bpf::BPF_MEM | size, dst, src, off, 0);
}
constexpr Op st(int size, Reg dst, int off, base::s64 imm) {
  return make_insn(bpf::BPF_ST | bpf::BPF_MEM | size, dst, 0, off, imm);
}
// `op`: BPF_ADD, BPF_OR, … with or without BPF_FETCH, BPF_XCHG, BPF_CMPXCHG, BPF_LOAD_ACQ (dst = *src), BPF_STORE_REL.
constexpr Op atomic(int size, int op, Reg dst, Reg src, int off) {
  return make_insn(bpf::BPF_STX | bpf::BPF_ATOMIC | size, dst, src, off, op);
}

// 64-bit immediates.
constexpr Op ld_imm64_raw(Reg dst, int pseudo, base::u32 low, base::u32 high) {
  return Op(make_insn(bpf::BPF_LD | bpf::BPF_IMM | bpf::BPF_DW, dst, static_cast<base::u8>(pseudo), 0,
                      static_cast<base::s32>(low)),
            make_insn(0, 0, 0, 0, static_cast<base::s32>(high)));
}
constexpr Op ld_imm64(Reg dst, base::u64 v) {
  return ld_imm64_raw(dst, 0, static_cast<base::u32>(v), static_cast<base::u32>(v >> 32));
}
// `index` into ProgSource::maps.
constexpr Op ld_map(Reg dst, base::u32 index) {
  return ld_imm64_raw(dst, bpf::BPF_PSEUDO_MAP_FD, index, 0);
}
constexpr Op ld_map_value(Reg dst, base::u32 index, base::u32 offset) {
  return ld_imm64_raw(dst, bpf::BPF_PSEUDO_MAP_VALUE, index, offset);
}
// `rel`: instructions from the one behind its first slot, as in a call.
constexpr Op ld_func(Reg dst, int rel) {
  return ld_imm64_raw(dst, bpf::BPF_PSEUDO_FUNC, static_cast<base::u32>(rel), 0);
}

// Control flow: `off` counts from the next instruction.
constexpr Op jmp_imm(int op, Reg dst, base::s64 imm, int off) {
  return make_insn(bpf::BPF_JMP | op | bpf::BPF_K, dst, 0, off, imm);
}
constexpr Op jmp_reg(int op, Reg dst, Reg src, int off) {
  return make_insn(bpf::BPF_JMP | op | bpf::BPF_X, dst, src, off, 0);
}
constexpr Op jmp32_imm(int op, Reg dst, base::s64 imm, int off) {
  return make_insn(bpf::BPF_JMP32 | op | bpf::BPF_K, dst, 0, off, imm);
}
constexpr Op jmp32_reg(int op, Reg dst, Reg src, int off) {
  return make_insn(bpf::BPF_JMP32 | op | bpf::BPF_X, dst, src, off, 0);
}
constexpr Op ja(int off) {
  return make_insn(bpf::BPF_JMP | bpf::BPF_JA, 0, 0, off, 0);
}
constexpr Op gotol(int off) {
  return make_insn(bpf::BPF_JMP32 | bpf::BPF_JA, 0, 0, 0, off);
}
constexpr Op may_goto(int off) {
  return make_insn(bpf::BPF_JMP | bpf::BPF_JCOND, 0, 0, off, 0);
}
constexpr Op call_helper(int id) {
  return make_insn(bpf::BPF_JMP | bpf::BPF_CALL, 0, 0, 0, id);
}
constexpr Op call_sub(int rel) {
  return make_insn(bpf::BPF_JMP | bpf::BPF_CALL, 0, bpf::BPF_PSEUDO_CALL, 0, rel);
}
constexpr Op exit_insn() {
  return make_insn(bpf::BPF_JMP | bpf::BPF_EXIT, 0, 0, 0, 0);
}

}  // namespace support
