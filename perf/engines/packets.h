// SPDX-License-Identifier: Apache-2.0
// packets.h — the 32 packets that every engine runs over, and the flows they walk through.
//
// Shape     udp: Ethernet, IPv4, UDP to the discard port. tunnel: two VLANs, IPv6 with two extension headers, UDP,
//           VXLAN, Ethernet, IPv4, UDP. dns: a question, each packet for another name. All of kPacketBytes.
#pragma once

#include <array>
#include <memory>

#include "base/types.h"
#include "bpf/abi/host/xdp_burst.h"

namespace engines {

inline constexpr base::u32 kBurst = 32;
inline constexpr base::u32 kFlows = 65'536;
inline constexpr base::u32 kPacketBytes = 192;

enum class PacketKind { udp, tunnel, dns };

struct FlowKey {
  base::u32 source, destination;
  base::u16 source_port, destination_port;
  base::u8 protocol, pad[3];
};
FlowKey flow_key(base::u32 flow);
// FNV-1a of the name in packet `i` of kind dns, as dns_filter.bpf.c takes it.
base::u64 dns_name_hash(base::u32 i);

using PacketBytes = std::array<base::u8, kPacketBytes>;
// Packet `i` of a burst; a udp packet's walk through the flows begins at a place of its own.
PacketBytes make_packet(PacketKind kind, base::u32 i);

// Contexts, and heads of frames, over buffers of 2 KiB, as a worker has them.
class PacketBurst {
 public:
  explicit PacketBurst(PacketKind kind);
  xdp_buff* contexts() { return contexts_.data(); }
  xdp_burst burst(base::u32* verdicts) {
    return {.frames = frames_.data(),
            .count = kBurst,
            .ingress_ifindex = 1,
            .verdicts = verdicts,
            .redirects = redirects_.data(),
            .borders = borders_.data()};
  }
  const base::u8* packet(base::u32 i) const { return buffers_[i].data() + kHeadroom; }

 private:
  static constexpr size_t kHeadroom = 256;
  using Buffer = std::array<base::u8, 2048>;
  std::unique_ptr<std::array<Buffer, kBurst>> storage_;
  std::array<Buffer, kBurst>& buffers_;
  std::array<xdp_buff, kBurst> contexts_{};
  std::array<bpf_frame, kBurst> heads_{};
  std::array<bpf_frame*, kBurst> frames_{};
  std::array<struct bpf_redirect, kBurst> redirects_{};
  std::array<xdp_borders, kBurst> borders_{};
};

}  // namespace engines
