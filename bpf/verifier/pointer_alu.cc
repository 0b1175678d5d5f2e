// SPDX-License-Identifier: Apache-2.0
// pointer_alu.cc — adding numbers to pointers and what must not be done with them.
//
// Source    soundness: a pointer is base + off + var with |off| and the bounds of var below 2^29 whenever it is
// computed with,
//           so that no sum of them with an instruction's offset wraps in 64 bits.
#include "bpf/verifier/opcodes.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/scalar_alu.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr s64 kOffsetMax = 1 << 29;  // Linux's BPF_MAX_VAR_OFF

bool fits_s32(s64 v) {
  return v == s64{static_cast<s32>(v)};
}

}  // namespace

bool Walk::check_pointer_moves(const bpf_insn& i, const Reg& pointer, const Reg& scalar) {
  const std::string type = kind_text(pointer);
  if (pointer.maybe_null)
    return refuse(EACCES,
                  format("R%d pointer arithmetic on %s prohibited, null-check it first\n", i.dst_reg, type.c_str()),
                  "Compare the pointer with NULL before calculating with it.");
  const bool adds_nothing = insn_op(i.code) == BPF_ADD && scalar.is_zero();
  const bool socket = pointer.kind >= Kind::socket && pointer.kind <= Kind::xdp_sock;
  if (pointer.kind == Kind::packet_end || socket || (pointer.kind == Kind::flow_keys && !scalar.is_const()) ||
      (pointer.kind == Kind::map_ptr && !adds_nothing))
    return refuse(EACCES, format("R%d pointer arithmetic on %s prohibited\n", i.dst_reg, type.c_str()));
  return true;
}

// `r` is a pointer, or a number about to be added to one of kind `pointer`.
bool Walk::check_sane_offset(const Reg& r, const Reg& pointer) {
  const std::string type = kind_text(pointer);
  if (r.var.is_const()) {
    const s64 v = static_cast<s64>(r.var.value());
    if (v >= kOffsetMax || v <= -kOffsetMax)
      return refuse(
          EINVAL, format("math between %s pointer and %lld is not allowed\n", type.c_str(), static_cast<long long>(v)));
  }
  if (r.off >= kOffsetMax || r.off <= -kOffsetMax)
    return refuse(EINVAL, format("%s pointer offset %d is not allowed\n", type.c_str(), r.off));
  if (r.var.smin == std::numeric_limits<s64>::min())
    return refuse(
        EINVAL, format("math between %s pointer and register with unbounded min value is not allowed\n", type.c_str()),
        "Bound the number from below, or make it unsigned, before adding it.");
  if (r.var.smin >= kOffsetMax || r.var.smin <= -kOffsetMax)
    return refuse(EINVAL, format("value %lld makes %s pointer be out of bounds\n", static_cast<long long>(r.var.smin),
                                 type.c_str()));
  return true;
}

bool Walk::pointer_alu(const bpf_insn& i, const Reg& pointer, const Reg& scalar, bool pointer_is_dst) {
  const u8 op = insn_op(i.code);
  if (insn_class(i.code) != BPF_ALU64) {
    if (op == BPF_SUB && source_.caps.perfmon) {
      set(i.dst_reg, Reg::unknown());
      return true;
    }
    return refuse(EACCES, format("R%d 32-bit pointer arithmetic prohibited\n", i.dst_reg));
  }
  if (!check_pointer_moves(i, pointer, scalar)) return false;
  // Read with loads that survive a fault, wherever it points.
  if (pointer.kind == Kind::mem && (pointer.flags & kUntrusted) != 0) {
    set(i.dst_reg, pointer);
    return true;
  }
  if (!check_sane_offset(scalar, pointer) || !check_sane_offset(pointer, pointer)) return false;
  Masking masking;
  const bool moves = op == BPF_ADD || op == BPF_SUB;
  if (moves && !begin_masking(i, pointer, scalar, pointer_is_dst, masking)) return false;
  if (op == BPF_AND || op == BPF_OR || op == BPF_XOR)
    return refuse(EACCES, format("R%d bitwise operator %s on pointer prohibited\n", i.dst_reg, operator_text(i.code)));
  if (!moves)
    return refuse(EACCES,
                  format("R%d pointer arithmetic with %s operator prohibited\n", i.dst_reg, operator_text(i.code)));
  if (op == BPF_SUB && !pointer_is_dst)
    return refuse(EACCES, format("R%d tried to subtract pointer from scalar\n", i.dst_reg));
  if (op == BPF_SUB && pointer.kind == Kind::stack)
    return refuse(EACCES, format("R%d subtraction from stack pointer prohibited\n", i.dst_reg));

  Reg out = pointer;
  if (scalar.var.is_const()) {
    const s64 v = static_cast<s64>(scalar.var.value());
    const s64 moved = op == BPF_ADD ? s64{pointer.off} + v : s64{pointer.off} - v;
    if (fits_s32(moved)) {
      out.off = static_cast<s32>(moved);
      // Found at or beyond the end was the old place. Linux 6.18 keeps that for the new one, and is wrong.
      if (pointer.is_packet() && pointer.range < 0 && out.off != pointer.off) out.range = 0;
      return put_moved_pointer(i, out, pointer, scalar, masking);
    }
  }
  out.var = alu(op, true, pointer.var, scalar.var);
  if (pointer.is_packet()) {  // another base: nothing is known to lie within the packet yet
    out.id = new_id();
    out.range = 0;
  }
  return put_moved_pointer(i, out, pointer, scalar, masking);
}

bool Walk::put_moved_pointer(const bpf_insn& i, const Reg& moved, const Reg& pointer, const Reg& scalar,
                             Masking& masking) {
  if (!check_sane_offset(moved, pointer)) return false;
  set(i.dst_reg, moved);
  return check_moved_bounds(i.dst_reg) && end_masking(i, moved, scalar, masking);
}

}  // namespace bpf::verifier
