// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include "dataplane/spread.h"

namespace dataplane {
namespace {

using base::u8;

constexpr u16 kEtherIpv4 = 0x0800;
constexpr u16 kEtherIpv6 = 0x86dd;
constexpr u16 kEtherVlan = 0x8100;
constexpr u16 kEtherQinQ = 0x88a8;
constexpr u32 kVlanTagsMax = 2;
constexpr u8 kProtocolTcp = 6;
constexpr u8 kProtocolUdp = 17;
constexpr u8 kProtocolSctp = 132;
constexpr u16 kIpv4FragmentBits = 0x3fff;  // more fragments, or an offset

template <class T>
T load(const u8* at) {
  T value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
u16 load_be16(const u8* at) {
  return base::byte_swap(load<u16>(at));
}

// Finalizer of splitmix64: every input bit reaches every output bit.
u64 mix(u64 v) {
  v ^= v >> 30;
  v *= 0xbf58476d1ce4e5b9;
  v ^= v >> 27;
  v *= 0x94d049bb133111eb;
  return v ^ v >> 31;
}

// Addition does not know which side is source: the two directions of a flow come out equal.
u64 mix_pair(u64 a, u64 b) {
  return mix(a) + mix(b);
}

bool has_ports(u8 protocol) {
  return protocol == kProtocolTcp || protocol == kProtocolUdp || protocol == kProtocolSctp;
}

u64 ports_hash(u8 protocol, const u8* at, const u8* end) {
  if (!has_ports(protocol) || end - at < 4) return protocol;
  return mix_pair(load<u16>(at), load<u16>(at + 2)) + protocol;
}

u64 ipv4_hash(const u8* ip, const u8* end) {
  if (end - ip < 20) return 0;
  const u64 addresses = mix_pair(load<u32>(ip + 12), load<u32>(ip + 16));
  const bool fragment = load_be16(ip + 6) & kIpv4FragmentBits;
  return addresses + (fragment ? 0 : ports_hash(ip[9], ip + 4 * (ip[0] & 15), end));
}

// Extension headers are not walked: such frames go by addresses and the first header's number.
u64 ipv6_hash(const u8* ip, const u8* end) {
  if (end - ip < 40) return 0;
  const u64 source = mix(load<u64>(ip + 8)) ^ load<u64>(ip + 16);
  const u64 destination = mix(load<u64>(ip + 24)) ^ load<u64>(ip + 32);
  return mix_pair(source, destination) + ports_hash(ip[6], ip + 40, end);
}

u64 mac_hash(const u8* frame) {
  return mix_pair(load<u32>(frame) | u64(load<u16>(frame + 4)) << 32, load<u32>(frame + 6) | u64(load<u16>(frame + 10))
                                                                                                 << 32);
}

}  // namespace

u32 flow_hash(const u8* frame, u32 bytes) noexcept {
  if (bytes < 14) return 0;
  const u8* end = frame + bytes;
  const u8* type_at = frame + 12;
  for (u32 tags = 0; tags < kVlanTagsMax && end - type_at >= 6; ++tags, type_at += 4)
    if (const u16 type = load_be16(type_at); type != kEtherVlan && type != kEtherQinQ) break;
  const u16 type = load_be16(type_at);
  const u64 sum = type == kEtherIpv4   ? ipv4_hash(type_at + 2, end)
                  : type == kEtherIpv6 ? ipv6_hash(type_at + 2, end)
                                       : mac_hash(frame);
  return u32(mix(sum) >> 32);
}

}  // namespace dataplane
