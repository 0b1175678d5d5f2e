// SPDX-License-Identifier: Apache-2.0
// port_hooks.h — the seam between the door and the data path: whoever has ports implements it.
//
// Threads   control thread only.
// Lifetime  outlives the door it is given to, and every link on it.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/object.h"

namespace control {

// A port as others see a device.
struct PortState {
  u32 ifindex = 0;
  std::string name;
  std::array<u8, 6> mac{};
  u32 mtu = 0;
  u32 rx_queues = 0;
  u32 tx_queues = 0;
  bool up = false;       // it is started
  bool carrier = false;  // its link is up
  u64 rx_packets = 0;
  u64 rx_bytes = 0;
  u64 rx_dropped = 0;
  u64 tx_packets = 0;
  u64 tx_bytes = 0;
};

// Places for programs that see a struct sk_buff. clsact's run behind tcx's, and their answers are direct actions.
enum class TcHook : u8 { tcx_ingress, tcx_egress, clsact_ingress, clsact_egress };

class PortHooks {
 public:
  virtual ~PortHooks() = default;
  // The program that every frame received on the port meets from now on; null: none. Exchanged whole: a frame meets
  // the old one or the new one, none meets both or neither, and when this returns no worker is inside the old one.
  // Errors: ENODEV no such port; what the port refuses is told in words, and the old program stays.
  virtual base::Status set_xdp(u32 ifindex, const std::shared_ptr<Program>& program) = 0;
  // The same for the programs of a TC hook, in order.
  virtual base::Status set_tc(u32 ifindex, TcHook hook, const std::vector<std::shared_ptr<Program>>& programs) = 0;
  // An entry of a device or CPU map is about to name the program.
  virtual void use_in_entries(const std::shared_ptr<Program>&) {}
  // Takes run time of programs as long as somebody wants it (BPF_ENABLE_STATS).
  virtual void want_run_time(bool on) = 0;
  // All ports, in the order of their numbers.
  virtual std::vector<PortState> states() const = 0;
};

}  // namespace control
