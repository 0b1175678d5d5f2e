// SPDX-License-Identifier: Apache-2.0
// alu.cc — arithmetic on numbers; pointers are in pointer_alu.cc.
#include "bpf/verifier/arena.h"
#include "bpf/verifier/opcodes.h"
#include "bpf/verifier/scalar_alu.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

bool is_shift(u8 op) {
  return op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
}
bool is_division(u8 op) {
  return op == BPF_DIV || op == BPF_MOD;
}

bool mov_off_ok(const bpf_insn& insn) {
  const bool is64 = insn_class(insn.code) == BPF_ALU64;
  return insn.off == 0 || insn.off == 8 || insn.off == 16 || (is64 && insn.off == 32);
}

// A constant added to a linked number leaves it linked at that distance. In 32 bits only where the number itself fits
// into them, so that it can be calculated back.
void keep_link(Reg& out, const Reg& before, s64 distance, bool is64) {
  if (before.id == 0 || before.linked != 0 || distance != s64{static_cast<s32>(distance)}) return;
  if (!is64 && before.var.umax > 0xffffffff) return;
  out.id = before.id;
  out.off = static_cast<s32>(distance);
  out.linked = is64 ? 64 : 32;
}

}  // namespace

bool Walk::check_alu_fields(const bpf_insn& i) {
  const u8 op = insn_op(i.code);
  if (op == BPF_END) {
    if (i.src_reg != 0 || i.off != 0 || (i.imm != 16 && i.imm != 32 && i.imm != 64))
      return refuse(EINVAL, "BPF_END uses reserved fields\n");
    return true;
  }
  if (op == BPF_NEG) {
    if (i.src_reg != 0 || i.off != 0 || i.imm != 0) return refuse(EINVAL, "BPF_NEG uses reserved fields\n");
    return true;
  }
  if (op == BPF_MOV) {
    if (insn_src_is_reg(i.code)) {
      if (is_space_cast(i)) return check_space_cast(i);
      if (i.imm != 0 || !mov_off_ok(i)) return refuse(EINVAL, "BPF_MOV uses reserved fields\n");
    } else if (i.src_reg != 0 || i.off != 0) {
      return refuse(EINVAL, "BPF_MOV uses reserved fields\n");
    }
    return true;
  }
  const bool signed_division = i.off == 1 && is_division(op);
  const bool other_operand_set = insn_src_is_reg(i.code) ? i.imm != 0 : i.src_reg != 0;
  if (other_operand_set || (i.off != 0 && !signed_division)) return refuse(EINVAL, "BPF_ALU uses reserved fields\n");
  return true;
}

bool Walk::step_alu(const bpf_insn& i) {
  const u8 op = insn_op(i.code);
  const bool is64 = insn_class(i.code) == BPF_ALU64;
  if (!check_alu_fields(i)) return false;
  if (op == BPF_MOV) return step_mov(i, is64);
  if (op == BPF_END || op == BPF_NEG) return step_unary(i, is64);
  if (insn_src_is_reg(i.code) && !check_readable(i.src_reg)) return false;
  if (!check_readable(i.dst_reg)) return false;
  if (is_division(op) && !insn_src_is_reg(i.code) && i.imm == 0) return refuse(EINVAL, "div by zero\n");
  if (is_shift(op) && !insn_src_is_reg(i.code) && (i.imm < 0 || i.imm >= (is64 ? 64 : 32)))
    return refuse(EINVAL, format("invalid shift %d\n", i.imm));
  if (!check_writable(i.dst_reg)) return false;
  return step_binary(i, is64);
}

// A copy of a number that is not a constant is linked to it: what a branch teaches about one holds for both.
bool Walk::step_mov(const bpf_insn& i, bool is64) {
  if (!insn_src_is_reg(i.code)) {
    if (!check_writable(i.dst_reg)) return false;
    const u64 v = is64 ? static_cast<u64>(s64{i.imm}) : static_cast<u32>(i.imm);
    set(i.dst_reg, Reg::constant(v));
    return true;
  }
  if (!check_readable(i.src_reg) || !check_writable(i.dst_reg)) return false;
  if (is_space_cast(i)) {
    set(i.dst_reg, i.imm == kToArena ? Reg::pointer(Kind::arena) : Reg::unknown());
    return true;
  }
  Reg& src = reg(i.src_reg);
  const bool whole = is64 && i.off == 0;
  if (!whole && is_secret(src))
    return refuse(EACCES, format(is64 ? "R%u sign-extension part of pointer\n" : "R%u partial copy of pointer\n",
                                 u32{i.src_reg}));
  if (src.is_pointer()) {
    if (is64 && i.off == 0) {
      set(i.dst_reg, Reg(src));
    } else {
      set(i.dst_reg, Reg::scalar(is64 ? Scalar::unknown() : Scalar::of_bytes(4)));
    }
    return true;
  }
  const int bytes = i.off != 0 ? i.off / 8 : is64 ? 8 : 4;
  const u64 unchanged_max = i.off != 0 ? (u64{1} << (i.off - 1)) - 1 : is64 ? ~u64{0} : 0xffffffff;
  const bool same_number = src.var.umax <= unchanged_max;
  if (same_number) give_id(src);
  Reg out = src;
  if (!same_number) out.unlink();
  if (i.off != 0) {
    out.var = src.var.sign_extended(bytes);
    if (!is64) out.var = out.var.zext32();
  } else if (!is64) {
    out.var = src.var.zext32();
  }
  set(i.dst_reg, out);
  return true;
}

bool Walk::step_unary(const bpf_insn& i, bool is64) {
  if (!check_readable(i.dst_reg) || !check_writable(i.dst_reg)) return false;
  const Reg& dst = reg(i.dst_reg);
  if (is_secret(dst)) return refuse(EACCES, format("R%u pointer arithmetic prohibited\n", u32{i.dst_reg}));
  if (dst.is_pointer()) {
    set(i.dst_reg, Reg::unknown());
    return true;
  }
  Scalar out;
  if (insn_op(i.code) == BPF_NEG) {
    out = negate(is64, dst.var);
  } else {
    const bool swap = is64 || insn_src_is_reg(i.code);  // bswap, or to big endian on a little-endian host
    out = byte_order(swap, i.imm, dst.var);
  }
  set(i.dst_reg, Reg::scalar(out, dst.node));
  return true;
}

bool Walk::step_binary(const bpf_insn& i, bool is64) {
  const u8 op = insn_op(i.code);
  const Reg dst = reg(i.dst_reg);
  const Reg src = insn_src_is_reg(i.code) ? reg(i.src_reg) : Reg::constant(static_cast<u64>(s64{i.imm}));
  if (dst.kind == Kind::arena || src.kind == Kind::arena) {  // whatever comes out: its low half is an address there
    set(i.dst_reg, Reg::pointer(Kind::arena));
    return true;
  }
  if (dst.is_pointer() && src.is_pointer()) {
    if (op == BPF_SUB && source_.caps.perfmon) {
      set(i.dst_reg, Reg::unknown());
      return true;
    }
    return refuse(EACCES, format("R%d pointer %s pointer prohibited\n", i.dst_reg, operator_text(i.code)));
  }
  if (dst.is_pointer()) {
    mark_precise(src);
    return pointer_alu(i, dst, src, true);
  }
  if (src.is_pointer()) {
    mark_precise(dst);
    return pointer_alu(i, src, dst, false);
  }
  if ((op == BPF_ADD || op == BPF_SUB) && !check_number_alu(i)) return false;
  // Division and remainder are unknown whatever their operands were: their result rests on no number.
  const u32 node = is_division(op) ? 0 : precision_.derive(dst.node, src.node);
  Reg out = Reg::scalar(alu(op, is64, dst.var, src.var), node);
  if (op == BPF_ADD && src.var.is_const() && source_.caps.bpf)
    keep_link(out, dst, static_cast<s64>(src.var.value()), is64);
  set(i.dst_reg, out);
  return true;
}

}  // namespace bpf::verifier
