// SPDX-License-Identifier: Apache-2.0
// packets.h — the 32 packets that every engine runs over, and the flows they walk through.
#pragma once

#include <array>
#include <memory>

#include "base/types.h"
#include "bpf/abi/host/xdp_buff.h"

namespace engines {

inline constexpr base::u32 kBurst = 32;
inline constexpr base::u32 kFlows = 65'536;
inline constexpr base::u32 kPacketBytes = 128;

struct FlowKey {
  base::u32 source, destination;
  base::u16 source_port, destination_port;
  base::u8 protocol, pad[3];
};
FlowKey flow_key(base::u32 flow);

// 128 bytes of Ethernet, IPv4 and UDP to the discard port; `start` sets where the walk through the flows begins.
std::array<base::u8, kPacketBytes> make_packet(base::u32 start);

// Contexts in a row over buffers of 2 KiB, as a worker has them.
class PacketBurst {
 public:
  PacketBurst();
  xdp_buff* contexts() { return contexts_.data(); }
  const base::u8* packet(base::u32 i) const { return buffers_[i].data() + kHeadroom; }

 private:
  static constexpr size_t kHeadroom = 256;
  using Buffer = std::array<base::u8, 2048>;
  std::unique_ptr<std::array<Buffer, kBurst>> storage_;
  std::array<Buffer, kBurst>& buffers_;
  std::array<xdp_buff, kBurst> contexts_{};
};

}  // namespace engines
