// SPDX-License-Identifier: Apache-2.0
// insn.h — the instruction encoding of RFC 9669 (ISA v1 to v4 and Linux's extensions).
//
// Shape     8 bytes each; a 64-bit immediate load takes two. Words of the RFC and of the UAPI, verbatim.
#pragma once

#include <cstdint>

namespace bpf {

struct bpf_insn {
  std::uint8_t code;
  std::uint8_t dst_reg : 4;
  std::uint8_t src_reg : 4;
  std::int16_t off;
  std::int32_t imm;

  bool operator==(const bpf_insn&) const = default;
};
static_assert(sizeof(bpf_insn) == 8);

enum : std::uint8_t {
  // class: the low three bits
  BPF_LD = 0x00, BPF_LDX = 0x01, BPF_ST = 0x02, BPF_STX = 0x03,
  BPF_ALU = 0x04, BPF_JMP = 0x05, BPF_JMP32 = 0x06, BPF_ALU64 = 0x07,
  // size of a load or store
  BPF_W = 0x00, BPF_H = 0x08, BPF_B = 0x10, BPF_DW = 0x18,
  // mode of a load or store
  BPF_IMM = 0x00, BPF_ABS = 0x20, BPF_IND = 0x40, BPF_MEM = 0x60, BPF_MEMSX = 0x80, BPF_ATOMIC = 0xc0,
  // source operand
  BPF_K = 0x00, BPF_X = 0x08,
  // arithmetic
  BPF_ADD = 0x00, BPF_SUB = 0x10, BPF_MUL = 0x20, BPF_DIV = 0x30, BPF_OR = 0x40, BPF_AND = 0x50,
  BPF_LSH = 0x60, BPF_RSH = 0x70, BPF_NEG = 0x80, BPF_MOD = 0x90, BPF_XOR = 0xa0, BPF_MOV = 0xb0,
  BPF_ARSH = 0xc0, BPF_END = 0xd0,
  // byte order of BPF_END
  BPF_TO_LE = 0x00, BPF_TO_BE = 0x08,
  // jumps
  BPF_JA = 0x00, BPF_JEQ = 0x10, BPF_JGT = 0x20, BPF_JGE = 0x30, BPF_JSET = 0x40, BPF_JNE = 0x50,
  BPF_JSGT = 0x60, BPF_JSGE = 0x70, BPF_CALL = 0x80, BPF_EXIT = 0x90, BPF_JLT = 0xa0, BPF_JLE = 0xb0,
  BPF_JSLT = 0xc0, BPF_JSLE = 0xd0, BPF_JCOND = 0xe0,
};

// imm of a BPF_ATOMIC store
enum : std::int32_t {
  BPF_FETCH = 0x01,
  BPF_XCHG = 0xe0 | BPF_FETCH,
  BPF_CMPXCHG = 0xf0 | BPF_FETCH,
  BPF_LOAD_ACQ = 0x100,
  BPF_STORE_REL = 0x110,
};

// src_reg of a 64-bit immediate load
enum : std::uint8_t {
  BPF_PSEUDO_MAP_FD = 1, BPF_PSEUDO_MAP_VALUE = 2, BPF_PSEUDO_BTF_ID = 3, BPF_PSEUDO_FUNC = 4,
  BPF_PSEUDO_MAP_IDX = 5, BPF_PSEUDO_MAP_IDX_VALUE = 6,
};

// src_reg of a BPF_CALL: 0 is a helper
enum : std::uint8_t { BPF_PSEUDO_CALL = 1, BPF_PSEUDO_KFUNC_CALL = 2 };

enum : std::uint8_t {
  BPF_REG_0, BPF_REG_1, BPF_REG_2, BPF_REG_3, BPF_REG_4, BPF_REG_5, BPF_REG_6, BPF_REG_7, BPF_REG_8,
  BPF_REG_9, BPF_REG_10, MAX_BPF_REG,
};

inline constexpr std::uint8_t insn_class(std::uint8_t code) noexcept { return code & 0x07; }
inline constexpr std::uint8_t insn_size(std::uint8_t code) noexcept { return code & 0x18; }
inline constexpr std::uint8_t insn_mode(std::uint8_t code) noexcept { return code & 0xe0; }
inline constexpr std::uint8_t insn_op(std::uint8_t code) noexcept { return code & 0xf0; }
inline constexpr bool insn_src_is_reg(std::uint8_t code) noexcept { return code & BPF_X; }

// Bytes that a load or store of this size field moves.
inline constexpr int insn_access_bytes(std::uint8_t code) noexcept {
  switch (insn_size(code)) {
    case BPF_W: return 4;
    case BPF_H: return 2;
    case BPF_B: return 1;
    default: return 8;
  }
}
inline constexpr bool insn_is_ld_imm64(const bpf_insn& insn) noexcept {
  return insn.code == (BPF_LD | BPF_IMM | BPF_DW);
}

// Limits of the ABI.
inline constexpr int MAX_BPF_STACK = 512;            // bytes over a call chain
inline constexpr int MAX_TAIL_CALL_CNT = 33;         // per run
inline constexpr int BPF_MAXINSNS = 4096;            // unprivileged programs
inline constexpr int BPF_COMPLEXITY_LIMIT_INSNS = 1000000;
inline constexpr int BPF_OBJ_NAME_LEN = 16;
inline constexpr int BPF_TAG_SIZE = 8;

}  // namespace bpf
