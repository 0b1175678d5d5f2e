// SPDX-License-Identifier: Apache-2.0
#include "perf/engines/packets.h"

#include <cstring>

namespace engines {
namespace {

using base::u16;
using base::u32;
using base::u8;

constexpr u32 kSource = 0x0200000a, kDestination = 0x0100000a;  // 10.0.0.2 to 10.0.0.1, as on the wire
constexpr u16 kSourcePort = 0x3412, kDiscardPort = 0x0900;
constexpr u8 kUdp = 17;

template <class T>
void put(std::array<u8, kPacketBytes>& packet, size_t at, T value) {
  std::memcpy(packet.data() + at, &value, sizeof value);
}

}  // namespace

FlowKey flow_key(u32 flow) {
  return {kSource, kDestination, u16(kSourcePort ^ flow), kDiscardPort, kUdp, {0, 0, 0}};
}

std::array<u8, kPacketBytes> make_packet(u32 start) {
  std::array<u8, kPacketBytes> packet{};
  for (size_t i = 0; i < packet.size(); ++i) packet[i] = u8(i * 37);
  put(packet, 12, u16{0x0008});
  put(packet, 14, u8{0x45});
  put(packet, 23, kUdp);
  put(packet, 26, kSource);
  put(packet, 30, kDestination);
  put(packet, 34, kSourcePort);
  put(packet, 36, kDiscardPort);
  put(packet, 48, start);
  return packet;
}

PacketBurst::PacketBurst() : storage_(std::make_unique<std::array<Buffer, kBurst>>()), buffers_(*storage_) {
  for (u32 i = 0; i < kBurst; ++i) {
    const auto packet = make_packet(i * 0x10001u * 2048u);
    u8* data = buffers_[i].data() + kHeadroom;
    std::memcpy(data, packet.data(), packet.size());
    xdp_buff& ctx = contexts_[i];
    ctx.data = ctx.data_meta = data;
    ctx.data_end = data + packet.size();
    ctx.data_hard_start = buffers_[i].data();
    ctx.frame_sz = u32(buffers_[i].size());
    ctx.ingress_ifindex = 1;
  }
}

}  // namespace engines
