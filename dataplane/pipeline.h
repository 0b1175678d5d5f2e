// SPDX-License-Identifier: Apache-2.0
// pipeline.h — what a worker runs: where frames come from, what happens to them, how each port is reached. Immutable.
//
// Shape     built by the control thread from the state of all ports, one per worker, and swapped in with one store.
//           It holds references to every program it names. A stage with nothing attached is a null pointer.
// Threads   built and destroyed on the control thread; read by its worker between two quiescent points.
// Lifetime  freed one grace period after it was replaced.
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/types.h"
#include "dataplane/dataplane.h"

struct rte_ring;

namespace dataplane {

inline constexpr u16 kNoPort = 0xffff;

// How this worker reaches a port.
struct Route {
  enum class Kind : base::u8 { none, device, handover };
  Kind kind = Kind::none;
  bool up = false;
  u16 device = 0;  // DPDK port id
  u16 queue = 0;   // Kind::device
  u32 frame_bytes_max = 0;
  u32 mtu = 0;
  rte_ring* ring = nullptr;  // Kind::handover: to the worker that owns the queue
  const std::atomic<bool>* link_up = nullptr;
};

// What a port is to frames beyond XDP.
struct PortStage {
  TcChain ingress;
  TcChain egress;
  u32 ifindex = 0;
  u16 pass_to = kNoPort;  // egress of frames that pass; kNoPort: they are dropped
  drivers::MacAddress mac{};
};

// Workers that share a port's flows, in the order of the configuration; nullptr is this worker itself.
using SpreadRings = std::vector<rte_ring*>;

// One thing to poll: a device queue, or the queue of frames that another worker received for us.
struct Source {
  u16 device = 0;
  u16 queue = 0;
  rte_ring* ring = nullptr;  // not null: poll this instead of the device
  u16 entry = 0;             // port index
  u16 pass_to = kNoPort;     // egress of frames that pass; kNoPort: they are dropped
  u16 burst = 32;
  u32 ifindex = 0;
  bool cold = true;  // no frame's data is in this core's cache yet
  bool by_cpumap = false;  // XDP_TX is no verdict here, and verdicts are not those of the port's program
  bool skbs = false;  // TC programs see what passes: on this port, or on the egress of `pass_to`
  const AttachedProgram* program = nullptr;
  SpreadRings spread;  // empty: process here
};

// ifindex -> port index: open addressing, twice as many slots as ports.
class IfindexTable {
 public:
  void insert(u32 ifindex, u16 port) noexcept {
    u32 slot = start(ifindex);
    while (slots_[slot].ifindex != 0) slot = (slot + 1) % kSlots;
    slots_[slot] = {ifindex, port};
  }
  u16 find(u32 ifindex) const noexcept {
    for (u32 slot = start(ifindex); slots_[slot].ifindex != 0; slot = (slot + 1) % kSlots)
      if (slots_[slot].ifindex == ifindex) return slots_[slot].port;
    return kNoPort;
  }

 private:
  static constexpr u32 kSlots = 2 * kPortsMax;
  static u32 start(u32 ifindex) noexcept { return (ifindex * 0x9e3779b1u >> 16) % kSlots; }
  struct Slot {
    u32 ifindex = 0;  // 0: empty; no port has it
    u16 port = 0;
  };
  std::array<Slot, kSlots> slots_{};
};

// The queue of this worker to the one on a CPU.
struct CpuRoute {
  u32 cpu = 0;
  rte_ring* ring = nullptr;
};

struct Pipeline {
  std::vector<Source> sources;
  std::array<Source, kPortsMax> from_cpus;  // what frames of a port meet that came by a cpumap, but for the program
  std::vector<CpuRoute> cpus;
  std::vector<rte_ring*> cpus_in;
  std::vector<std::shared_ptr<const AttachedProgram>> entry_programs;
  std::array<Route, kPortsMax> routes{};
  std::array<PortStage, kPortsMax> stages{};
  IfindexTable ports_by_ifindex;
  std::vector<rte_ring*> handovers_in;  // frames of other workers for queues that this one owns
  std::vector<RedirectMap> redirect_maps;
  std::vector<std::shared_ptr<const AttachedProgram>> programs;
};

}  // namespace dataplane
