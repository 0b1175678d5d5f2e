// SPDX-License-Identifier: Apache-2.0
// packet.cc — access to packet bytes, and what happens to packet pointers when the packet moves.
#include "bpf/verifier/walk.h"

namespace bpf::verifier {

bool Walk::check_packet(u32 r, s64 off, s64 bytes, bool zero_ok) {
  const Reg& p = reg(r);
  if (p.var.smin < 0)
    return refuse(EACCES,
                  format("R%u min value is negative, either use unsigned index or do a if (index >=0) check.\n", r));
  if (p.range < 0 || !check_region_end(r, p, off, bytes, p.range, zero_ok)) {
    if (p.range < 0) {
      refuse(EINVAL, "");
      problem_.log = format("R%u offset is outside of the packet\n", r);
    } else {
      problem_.log += format("R%u offset is outside of the packet\n", r);
    }
    problem_.advice =
        "Compare the pointer plus the bytes to be accessed with data_end first, with this very pointer or a copy of "
        "it.";
    return false;
  }
  return true;
}

bool Walk::access_packet(u32 r, s32 off, int bytes, Access how, int value) {
  const bool writable = spec_.packet == PacketAccess::write || spec_.packet == PacketAccess::buffer;
  if (how == Access::write && !writable) return refuse(EACCES, "cannot write into packet\n");
  if (!check_leak(how, value, "packet")) return false;
  return check_packet(r, s64{off} + reg(r).off, bytes, false);
}

// BPF_LD_ABS and BPF_LD_IND: r6 is the context, r0 gets the number; a load outside the packet ends the function.
bool Walk::step_legacy_load(const bpf_insn& i) {
  const u8 mode = insn_mode(i.code);
  if (!spec_.legacy_packet_loads)
    return refuse(EINVAL, "BPF_LD_[ABS|IND] instructions not allowed for this program type\n");
  if (i.dst_reg != 0 || i.off != 0 || (mode == BPF_ABS && i.src_reg != 0))
    return refuse(EINVAL, "BPF_LD_[ABS|IND] uses reserved fields\n");
  if (!check_readable(BPF_REG_6) || !check_nothing_held("BPF_LD_[ABS|IND]", true)) return false;
  if (reg(BPF_REG_6).kind != Kind::ctx)
    return refuse(EINVAL, "at the time of BPF_LD_ABS|IND R6 != pointer to skb\n", "Keep the context in r6.");
  if (mode == BPF_IND && !check_readable(i.src_reg)) return false;
  if (!check_pointer_unmodified(reg(BPF_REG_6), BPF_REG_6)) return false;
  clobber_caller_saved();
  if (cur_.depth() > 0) {
    if (cur_.frame().entered != Entered::by_call)
      return refuse_unsupported("classic loads from the packet in a callback are not known yet");
    push_early_return();
    if (!branches_within_limit()) return false;
  }
  set(BPF_REG_0, Reg::unknown());
  return true;
}

// A load from outside the packet ends the function it is in: its caller goes on with 0.
void Walk::push_early_return() {
  State outside = cur_;
  const u32 back = cur_.frame().callsite + 1;
  outside.frames.pop_back();
  outside.frame().regs[BPF_REG_0] = Reg::constant(0);
  push_branch(std::move(outside), back);
}

// Linux gives up what it knew of such pointers; a program that may know addresses keeps a number.
void Walk::forget_packet_pointers() {
  for_each_reg(cur_, [this](Reg& r) {
    const bool slice = r.kind == Kind::mem && (r.flags & kPacketSlice) != 0;
    if (r.is_packet() || r.kind == Kind::packet_end || slice) r = source_.caps.perfmon ? Reg::unknown() : Reg();
  });
}

}  // namespace bpf::verifier
