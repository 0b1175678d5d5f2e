// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/opcodes.h"

#include <array>

#include "bpf/registry/helper.h"
#include "bpf/verifier/arena.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {
namespace {

// RFC 9669 and Linux: one bit per code byte.
constexpr auto kOpcodes = [] {
  std::array<bool, 256> t{};
  for (const int cls : {BPF_ALU, BPF_ALU64}) {
    for (const int op :
         {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR, BPF_AND, BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH}) {
      t[static_cast<unsigned>(cls | op | BPF_K)] = true;
      t[static_cast<unsigned>(cls | op | BPF_X)] = true;
    }
    t[static_cast<unsigned>(cls | BPF_NEG)] = true;
  }
  t[BPF_ALU | BPF_END | BPF_TO_BE] = t[BPF_ALU | BPF_END | BPF_TO_LE] = t[BPF_ALU64 | BPF_END] = true;
  for (const int cls : {BPF_JMP, BPF_JMP32})
    for (const int op :
         {BPF_JEQ, BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT, BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE}) {
      t[static_cast<unsigned>(cls | op | BPF_K)] = true;
      t[static_cast<unsigned>(cls | op | BPF_X)] = true;
    }
  t[BPF_JMP | BPF_JA] = t[BPF_JMP32 | BPF_JA] = t[BPF_JMP | BPF_CALL] = t[BPF_JMP | BPF_EXIT] = t[BPF_JMP | BPF_JCOND] =
      true;
  for (const int size : {BPF_B, BPF_H, BPF_W, BPF_DW}) {
    t[static_cast<unsigned>(BPF_LDX | BPF_MEM | size)] = t[static_cast<unsigned>(BPF_STX | BPF_MEM | size)] = true;
    t[static_cast<unsigned>(BPF_ST | BPF_MEM | size)] = t[static_cast<unsigned>(BPF_STX | BPF_ATOMIC | size)] = true;
    if (size != BPF_DW) {
      t[static_cast<unsigned>(BPF_LDX | BPF_MEMSX | size)] = true;
      t[static_cast<unsigned>(BPF_LD | BPF_ABS | size)] = t[static_cast<unsigned>(BPF_LD | BPF_IND | size)] = true;
    }
  }
  t[BPF_LD | BPF_IMM | BPF_DW] = true;
  return t;
}();

const char* size_text(std::uint8_t code) {
  switch (insn_size(code)) {
    case BPF_B:
      return "u8";
    case BPF_H:
      return "u16";
    case BPF_W:
      return "u32";
    default:
      return "u64";
  }
}

const char* jump_text(std::uint8_t code) {
  static constexpr const char* kText[16] = {
      "jmp", "==", ">", ">=", "&", "!=", "s>", "s>=", "call", "exit", "<", "<=", "s<", "s<=", "may_goto", "?"};
  return kText[code >> 4];
}

std::string mem_text(const char* kind, int reg, int off) {
  return format("*(%s *)(r%d %+d)", kind, reg, off);
}

std::string atomic_text(const bpf_insn& i) {
  const char* size = size_text(i.code);
  const char* width = insn_size(i.code) == BPF_DW ? "64" : "";
  const int fetch = i.imm & BPF_FETCH;
  if (i.imm == BPF_XCHG)
    return format("r%d = atomic%s_xchg((%s *)(r%d %+d), r%d)", i.src_reg, width, size, i.dst_reg, i.off, i.src_reg);
  if (i.imm == BPF_CMPXCHG)
    return format("r0 = atomic%s_cmpxchg((%s *)(r%d %+d), r0, r%d)", width, size, i.dst_reg, i.off, i.src_reg);
  if (i.imm == BPF_LOAD_ACQ) return format("r%d = load_acquire((%s *)(r%d %+d))", i.dst_reg, size, i.src_reg, i.off);
  if (i.imm == BPF_STORE_REL) return format("store_release((%s *)(r%d %+d), r%d)", size, i.dst_reg, i.off, i.src_reg);
  const int op = i.imm & ~BPF_FETCH;
  if (op != BPF_ADD && op != BPF_AND && op != BPF_OR && op != BPF_XOR) return "BUG_" + format("%02x", i.code);
  if (fetch) {
    const char* name = op == BPF_ADD ? "add" : op == BPF_AND ? "and" : op == BPF_OR ? "or" : "xor";
    return format("r%d = atomic%s_fetch_%s((%s *)(r%d %+d), r%d)", i.src_reg, width, name, size, i.dst_reg, i.off,
                  i.src_reg);
  }
  return format("lock *(%s *)(r%d %+d) %s r%d", size, i.dst_reg, i.off, operator_text(static_cast<std::uint8_t>(op)),
                i.src_reg);
}

std::string alu_text(const bpf_insn& i) {
  const bool is64 = insn_class(i.code) == BPF_ALU64;
  const char r = is64 ? 'r' : 'w';
  if (insn_op(i.code) == BPF_END) {
    const char* what = is64 ? "bswap" : (i.code & BPF_X) ? "be" : "le";
    return format("r%d = %s%d r%d", i.dst_reg, what, i.imm, i.dst_reg);
  }
  if (insn_op(i.code) == BPF_NEG) return format("%c%d = -%c%d", r, i.dst_reg, r, i.dst_reg);
  if (is_space_cast(i))
    return format("r%d = addr_space_cast(r%d, %u, %u)", i.dst_reg, i.src_reg, static_cast<unsigned>(i.imm) >> 16,
                  static_cast<unsigned>(i.imm) & 0xffff);
  const bool is_signed = i.off != 0 && (insn_op(i.code) == BPF_DIV || insn_op(i.code) == BPF_MOD);
  if (insn_op(i.code) == BPF_MOV && (i.code & BPF_X) && i.off != 0)
    return format("%c%d = (s%d)%c%d", r, i.dst_reg, i.off, r, i.src_reg);
  const std::string op = std::string(is_signed ? "s" : "") + operator_text(i.code);
  if (i.code & BPF_X) return format("%c%d %s %c%d", r, i.dst_reg, op.c_str(), r, i.src_reg);
  return format("%c%d %s %d", r, i.dst_reg, op.c_str(), i.imm);
}

std::string call_text(const bpf_insn& i) {
  if (i.src_reg == BPF_PSEUDO_CALL) return format("call pc%+d", i.imm);
  if (i.src_reg == BPF_PSEUDO_KFUNC_CALL) return format("call kernel-function#%d", i.imm);
  const HelperProto* helper = find_helper(static_cast<std::uint32_t>(i.imm));
  return format("call %s#%d", helper ? ("bpf_" + std::string(helper->name)).c_str() : "unknown", i.imm);
}

std::string jump_line(const bpf_insn& i) {
  if (i.code == (BPF_JMP | BPF_CALL)) return call_text(i);
  if (i.code == (BPF_JMP | BPF_EXIT)) return "exit";
  if (i.code == (BPF_JMP | BPF_JA)) return format("goto pc%+d", i.off);
  if (i.code == (BPF_JMP32 | BPF_JA)) return format("gotol pc%+d", i.imm);
  if (i.code == (BPF_JMP | BPF_JCOND)) return format("may_goto pc%+d", i.off);
  const char r = insn_class(i.code) == BPF_JMP ? 'r' : 'w';
  if (i.code & BPF_X) return format("if %c%d %s %c%d goto pc%+d", r, i.dst_reg, jump_text(i.code), r, i.src_reg, i.off);
  return format("if %c%d %s 0x%x goto pc%+d", r, i.dst_reg, jump_text(i.code), static_cast<unsigned>(i.imm), i.off);
}

std::string load_text(const bpf_insn& i) {
  std::string kind = size_text(i.code);
  if (insn_mode(i.code) == BPF_MEMSX) kind[0] = 's';
  return format("r%d = ", i.dst_reg) + mem_text(kind.c_str(), i.src_reg, i.off);
}

std::string legacy_text(const bpf_insn& i, const bpf_insn* next) {
  if (insn_is_ld_imm64(i)) {
    if (i.src_reg == BPF_PSEUDO_MAP_FD) return format("r%d = map[id:%d]", i.dst_reg, i.imm);
    if (i.src_reg == BPF_PSEUDO_MAP_VALUE)
      return format("r%d = map[id:%d][0]+%d", i.dst_reg, i.imm, next ? next->imm : 0);
    if (i.src_reg == BPF_PSEUDO_BTF_ID) return format("r%d = ksym[id:%d]", i.dst_reg, i.imm);
    if (i.src_reg == BPF_PSEUDO_FUNC) return format("r%d = func[pc%+d]", i.dst_reg, i.imm);
    const std::uint64_t v = static_cast<std::uint32_t>(i.imm) |
                            (next ? static_cast<std::uint64_t>(static_cast<std::uint32_t>(next->imm)) << 32 : 0);
    return format("r%d = 0x%llx", i.dst_reg, static_cast<unsigned long long>(v));
  }
  if (insn_mode(i.code) == BPF_ABS) return format("r0 = *(%s *)skb[%d]", size_text(i.code), i.imm);
  return format("r0 = *(%s *)skb[r%d + %d]", size_text(i.code), i.src_reg, i.imm);
}

std::string body(const bpf_insn& i, const bpf_insn* next) {
  switch (insn_class(i.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      return alu_text(i);
    case BPF_JMP:
    case BPF_JMP32:
      return jump_line(i);
    case BPF_LDX:
      return load_text(i);
    case BPF_ST:
      return mem_text(size_text(i.code), i.dst_reg, i.off) + format(" = %d", i.imm);
    case BPF_STX:
      if (insn_mode(i.code) == BPF_ATOMIC) return atomic_text(i);
      return mem_text(size_text(i.code), i.dst_reg, i.off) + format(" = r%d", i.src_reg);
    default:
      return legacy_text(i, next);
  }
}

}  // namespace

bool is_opcode(std::uint8_t code) {
  return kOpcodes[code];
}

const char* operator_text(std::uint8_t code) {
  static constexpr const char* kText[16] = {
      "+=", "-=", "*=", "/=", "|=", "&=", "<<=", ">>=", "neg", "%=", "^=", "=", "s>>=", "endian", "?", "?"};
  return kText[code >> 4];
}

std::string disassemble(const bpf_insn& insn, const bpf_insn* next) {
  return format("(%02x) ", insn.code) + body(insn, next);
}

}  // namespace bpf::verifier
