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

bool Walk::access_packet(u32 r, s32 off, int bytes, Access how, int) {
  if (how == Access::write && !spec_.packet_write) return refuse(EACCES, "cannot write into packet\n");
  if (how == Access::read && !spec_.packet_read) return refuse(EACCES, "cannot read from packet\n");
  return check_packet(r, s64{off} + reg(r).off, bytes, false);
}

// Linux gives up what it knew of such pointers; a privileged program keeps a number.
void Walk::forget_packet_pointers() {
  for_each_reg(cur_, [](Reg& r) {
    if (r.is_packet() || r.kind == Kind::packet_end) r = Reg::unknown();
  });
}

}  // namespace bpf::verifier
