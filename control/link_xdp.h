// SPDX-License-Identifier: Apache-2.0
// link_xdp.h — who holds the XDP hook of each port: a link, or a program that rtnetlink set. One program per port.
//
// Threads   control thread.
// Lifetime  shared by the door and its links; after close() nothing reaches a port any more. A program that is set
//           stays until it is taken off.
// Errors    as Linux: EBUSY the hook is held in the same mode; EEXIST in the other mode; EINVAL flags, program or port.
#pragma once

#include <map>

#include "control/door.h"

namespace control {

// What rtnetlink asks for: one device, one program or none.
struct XdpChange {
  u32 flags = 0;                      // XDP_FLAGS_*
  std::shared_ptr<Program> program;   // null: off
  std::shared_ptr<Program> expected;  // with XDP_FLAGS_REPLACE: what must be there, null: nothing
};

class XdpHooks {
 public:
  struct Held {
    u32 mode;  // XDP_FLAGS_SKB_MODE or XDP_FLAGS_DRV_MODE
    std::shared_ptr<Program> program;
    Handle user;  // of a program without a link
    bool is_link() const noexcept { return !user.object(); }
  };

  XdpHooks(PortHooks* ports, const DeviceTable* devices) : ports_(ports), devices_(devices) {}

  // `flags`: at most one of the XDP_FLAGS_*_MODE; without one the native mode is meant. Both modes are one hook here.
  base::Status attach(u32 ifindex, u32 flags, const std::shared_ptr<Program>& program);
  // REQUIRES: attach() succeeded for this port.
  base::Status replace(u32 ifindex, const std::shared_ptr<Program>& program);
  void detach(u32 ifindex);
  // REQUIRES: the port exists; check_xdp_flags(change.flags).
  base::Status change(u32 ifindex, const XdpChange& change);
  // Null: nothing is there.
  const Held* find(u32 ifindex) const;
  void close();

 private:
  base::Status set(u32 ifindex, const std::shared_ptr<Program>& program);

  PortHooks* ports_;
  const DeviceTable* devices_;
  std::map<u32, Held> held_;  // by ifindex
};

// EINVAL: bits that do not exist, or more than one mode.
base::Status check_xdp_flags(u32 flags);

}  // namespace control
