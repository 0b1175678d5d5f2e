// SPDX-License-Identifier: Apache-2.0
// link_xdp.h — who holds the XDP hook of each port. One program per port.
//
// Threads   control thread. Lifetime: shared by the door and its links; after close() nothing reaches a port any more.
// Errors    as Linux: EBUSY the hook is held in the same mode; EEXIST in the other mode; EINVAL flags, program or port.
#pragma once

#include <map>

#include "control/door.h"

namespace control {

class XdpHooks {
 public:
  XdpHooks(PortHooks* ports, const DeviceTable* devices) : ports_(ports), devices_(devices) {}

  // `flags`: at most one of the XDP_FLAGS_*_MODE; without one the native mode is meant. Both modes are one hook here.
  base::Status attach(u32 ifindex, u32 flags, const std::shared_ptr<Program>& program);
  // REQUIRES: attach() succeeded for this port.
  base::Status replace(u32 ifindex, const std::shared_ptr<Program>& program);
  void detach(u32 ifindex);
  void close() { ports_ = nullptr; }

 private:
  PortHooks* ports_;
  const DeviceTable* devices_;
  std::map<u32, u32> modes_;  // of the ports that are held, by ifindex
};

}  // namespace control
