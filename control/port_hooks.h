// SPDX-License-Identifier: Apache-2.0
// port_hooks.h — the seam between the door and the data path: whoever has ports implements it.
//
// Threads   control thread only.
// Lifetime  outlives the door it is given to, and every link on it.
#pragma once

#include <memory>

#include "base/result.h"
#include "control/object.h"

namespace control {

class PortHooks {
 public:
  virtual ~PortHooks() = default;
  // The program that every frame received on the port meets from now on; null: none. Exchanged whole: a frame meets
  // the old one or the new one, none meets both or neither, and when this returns no worker is inside the old one.
  // Errors: ENODEV no such port; what the port refuses is told in words, and the old program stays.
  virtual base::Status set_xdp(u32 ifindex, const std::shared_ptr<Program>& program) = 0;
  // Takes run time of programs as long as somebody wants it (BPF_ENABLE_STATS).
  virtual void want_run_time(bool on) = 0;
};

}  // namespace control
