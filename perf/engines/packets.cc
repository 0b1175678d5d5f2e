// SPDX-License-Identifier: Apache-2.0
#include "perf/engines/packets.h"

#include <cstring>
#include <string>
#include <vector>

namespace engines {
namespace {

using base::u16;
using base::u32;
using base::u64;
using base::u8;

constexpr u32 kSource = 0x0200000a, kDestination = 0x0100000a;  // 10.0.0.2 to 10.0.0.1, as on the wire
constexpr u16 kSourcePort = 0x3412, kDiscardPort = 0x0900;
constexpr u8 kUdp = 17;
constexpr size_t kEthernet = 14, kIpv4 = 20, kUdpBytes = 8;

template <class T>
void put(PacketBytes& packet, size_t at, T value) {
  std::memcpy(packet.data() + at, &value, sizeof value);
}

void put_bytes(PacketBytes& packet, size_t& at, const std::vector<u8>& bytes) {
  std::memcpy(packet.data() + at, bytes.data(), bytes.size());
  at += bytes.size();
}

// IPv4 without options, and UDP behind it.
void put_udp(PacketBytes& packet, size_t at, u16 destination_port) {
  put(packet, at, u8{0x45});
  put(packet, at + 6, u16{0x0040});  // not a fragment
  put(packet, at + 8, u8{64});
  put(packet, at + 9, kUdp);
  put(packet, at + 12, kSource);
  put(packet, at + 16, kDestination);
  put(packet, at + kIpv4, kSourcePort);
  put(packet, at + kIpv4 + 2, destination_port);
}

// Without dots: in its letters and its length it differs from packet to packet.
std::vector<std::string> name_labels(u32 i) {
  return {"www" + std::to_string(i), "Example-" + std::string(i % 8, 'x'), "com"};
}

void make_udp(PacketBytes& packet, u32 i) {
  constexpr size_t kCounter = 48;
  put(packet, 12, u16{0x0008});
  put_udp(packet, kEthernet, kDiscardPort);
  put(packet, kCounter, i * 0x10001u * 2048u);
  put(packet, 60, u32{0});  // where tail_chain.bpf.c keeps its stage
}

void make_tunnel(PacketBytes& packet, u32 i) {
  size_t at = 12;
  put_bytes(packet, at, {0x88, 0xa8, 0, 1, 0x81, 0, 0, 2, 0x86, 0xdd});
  std::vector<u8> ip(40);
  ip[0] = 0x60, ip[6] = 0, ip[7] = 64, ip[8] = 0x20, ip[23] = u8(i), ip[24] = 0x20, ip[39] = 1;
  put_bytes(packet, at, ip);
  put_bytes(packet, at, {60, 0, 1, 4, 0, 0, 0, 0});  // hop by hop, then destination options
  put_bytes(packet, at, {kUdp, 0, 1, 4, 0, 0, 0, 0});
  put_bytes(packet, at, {0xc0, u8(i), 0x12, 0xb5, 0, 0, 0, 0});  // UDP to the VXLAN port
  put_bytes(packet, at, {8, 0, 0, 0, 0, 0, 1, 0});
  put_bytes(packet, at, {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0});
  put_udp(packet, at, kDiscardPort);
}

void make_dns(PacketBytes& packet, u32 i) {
  put(packet, 12, u16{0x0008});
  put_udp(packet, kEthernet, u16{0x3500});
  size_t at = kEthernet + kIpv4 + kUdpBytes;
  put_bytes(packet, at, {0x12, u8(i), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0});
  for (const std::string& label : name_labels(i)) {
    put_bytes(packet, at, {u8(label.size())});
    put_bytes(packet, at, {label.begin(), label.end()});
  }
  put_bytes(packet, at, {0, 0, 1, 0, 1});
}

}  // namespace

FlowKey flow_key(u32 flow) {
  return {kSource, kDestination, u16(kSourcePort ^ flow), kDiscardPort, kUdp, {0, 0, 0}};
}

u64 dns_name_hash(u32 i) {
  u64 hash = 0xcbf29ce484222325;
  const auto add = [&hash](char c) { hash = (hash ^ u8(c)) * 0x100000001b3; };
  for (const std::string& label : name_labels(i)) {
    add('.');
    for (const char c : label) add(c >= 'A' && c <= 'Z' ? char(c | 32) : c);
  }
  return hash;
}

PacketBytes make_packet(PacketKind kind, u32 i) {
  PacketBytes packet{};
  for (size_t k = 0; k < packet.size(); ++k) packet[k] = u8(k * 37);
  switch (kind) {
    case PacketKind::udp:
      make_udp(packet, i);
      break;
    case PacketKind::tunnel:
      make_tunnel(packet, i);
      break;
    case PacketKind::dns:
      make_dns(packet, i);
      break;
  }
  return packet;
}

PacketBurst::PacketBurst(PacketKind kind)
    : storage_(std::make_unique<std::array<Buffer, kBurst>>()), buffers_(*storage_) {
  for (u32 i = 0; i < kBurst; ++i) {
    const auto packet = make_packet(kind, i);
    u8* data = buffers_[i].data() + kHeadroom;
    std::memcpy(data, packet.data(), packet.size());
    xdp_buff& ctx = contexts_[i];
    ctx.data = ctx.data_meta = data;
    ctx.data_end = data + packet.size();
    ctx.data_hard_start = buffers_[i].data();
    ctx.frame_sz = u32(buffers_[i].size());
    ctx.ingress_ifindex = 1;
    heads_[i].buf_addr = reinterpret_cast<char*>(buffers_[i].data());
    heads_[i].data_off = kHeadroom;
    heads_[i].nb_segs = 1;
    heads_[i].pkt_len = u32(packet.size());
    heads_[i].buf_len = u16(buffers_[i].size());
    frames_[i] = &heads_[i];
  }
}

}  // namespace engines
