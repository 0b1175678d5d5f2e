// SPDX-License-Identifier: Apache-2.0
// secrets.cc — without CAP_PERFMON no address becomes known: not by a store, a comparison, or bytes of another's stack.
//
// Source    soundness: an address can leave a register only through arithmetic that ends in a number (alu.cc,
//           pointer_alu.cc), a store elsewhere than to a whole stack slot, a comparison whose result tells more than
//           null or the packet's end, an argument that is taken as a number, r0 at the end, or a read of stack bytes
//           that hold a pointer or were never written. Each of these asks is_secret().
#include <algorithm>

#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

bool points_to_packet(const Reg& r) {
  return r.is_packet() || r.kind == Kind::packet_end;
}

}  // namespace

// `value`: the register that is stored, negative for none.
bool Walk::check_leak(Access how, int value, const char* into) {
  if (how == Access::read || value < 0 || !is_secret(reg(static_cast<u32>(value)))) return true;
  return refuse(EACCES, format("R%d leaks addr into %s\n", value, into));
}

bool Walk::check_may_see_struct(std::string_view name) {
  if (source_.caps.perfmon) return true;
  return refuse(EPERM, "'struct " + std::string(name) + "' access is allowed only to CAP_PERFMON and CAP_SYS_ADMIN\n");
}

bool Walk::check_source_comparable(const bpf_insn& i) {
  if (!insn_src_is_reg(i.code) || !is_secret(reg(i.src_reg))) return true;
  if (points_to_packet(reg(i.dst_reg)) && points_to_packet(reg(i.src_reg))) return true;
  return refuse(EACCES, format("R%u pointer comparison prohibited\n", u32{i.src_reg}));
}

bool Walk::check_destination_comparable(const bpf_insn& i) {
  const Reg& a = reg(i.dst_reg);
  if (!is_secret(a) || is_packet_comparison(i)) return true;
  const u8 op = insn_op(i.code);
  const bool for_null = !insn_src_is_reg(i.code) && i.imm == 0 && (op == BPF_JEQ || op == BPF_JNE);
  if (for_null && (insn_class(i.code) == BPF_JMP ? a.maybe_null : never_null(a))) return true;
  return refuse(EACCES, format("R%u pointer comparison prohibited\n", u32{i.dst_reg}));
}

// Bytes of a pointer that are overwritten leave others that tell about it.
bool Walk::spoils_pointer(u32 frame, s64 low, s64 high) const {
  if (source_.caps.perfmon) return false;
  const std::vector<Slot>& stack = cur_.frames[frame].stack;
  for (s64 off = low; off < high; ++off) {
    const std::size_t slot = static_cast<std::size_t>((-off - 1) / 8);
    if (slot < stack.size() && stack[slot].is_spill() && !stack[slot].spilled.is_scalar()) return true;
  }
  return false;
}

// What a helper reads, or fills only in part, is initialised and no pointer. Objects belong to their own helpers.
bool Walk::check_stack_readable(u32 r, s64 insn_off, s64 bytes) {
  const Reg& p = reg(r);
  const s64 fixed = s64{p.off} + insn_off;
  const s64 low = fixed + p.var.smin, high = fixed + p.var.smax + bytes;
  const std::vector<Slot>& stack = stack_frame(p).stack;
  for (s64 off = low; off < high; ++off) {
    const Slot& slot = stack[static_cast<std::size_t>((-off - 1) / 8)];
    const Byte b = slot.bytes[static_cast<std::size_t>(off & 7)];
    // Linux takes a slot for initialised as a whole once a number was spilled to its begin.
    const bool secret = slot.is_spill() ? !slot.spilled.is_scalar() : b == Byte::invalid;
    if (b < Byte::dynptr && (source_.caps.perfmon || !secret)) continue;
    const int at = static_cast<int>(off - low), size = static_cast<int>(bytes);
    if (p.var.is_const())
      return refuse(EACCES,
                    format("invalid read from stack R%u off %d+%d size %d\n", r, static_cast<int>(low), at, size));
    return refuse(EACCES, format("invalid read from stack R%u var_off %s+%d size %d\n", r,
                                 bits_text(p.var.bits).c_str(), at, size));
  }
  return true;
}

// The index of a tail call is masked for one array.
bool Walk::check_one_tail_map(const Call& call) {
  if (source_.caps.perfmon) return true;
  Mask& mask = masks_[at_];
  if (mask.tail_map >= 0 && mask.tail_map != call.map) return refuse(EINVAL, "tail_call abusing map_ptr\n");
  mask.tail_map = call.map;
  return true;
}

}  // namespace bpf::verifier
