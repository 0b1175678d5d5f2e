// SPDX-License-Identifier: Apache-2.0
#include "perf/gen/frame.h"

#include <array>
#include <charconv>
#include <cstring>

#include "base/types.h"

namespace perf {
namespace {

constexpr std::uint32_t kPortsPerAddress = 60000;

struct Ethernet {
  std::uint8_t dst_mac[6] = {2, 0, 0, 0, 0, 0x0b};
  std::uint8_t src_mac[6] = {2, 0, 0, 0, 0, 0x0a};
  base::be16 ethertype = base::be16::from_host(0x0800);
};

struct Ipv4Udp {
  std::uint8_t version_ihl = 0x45;
  std::uint8_t tos = 0;
  base::be16 total_length;
  base::be16 id;
  base::be16 fragment = base::be16::from_host(0x4000);  // don't fragment
  std::uint8_t ttl = 64;
  std::uint8_t protocol = 17;
  base::be16 checksum;
  base::be32 source;
  base::be32 destination = base::be32::from_host(0xc6130001);
  base::be16 source_port;
  base::be16 destination_port = base::be16::from_host(7);
  base::be16 udp_length;
  base::be16 udp_checksum;
};
static_assert(sizeof(Ethernet) + sizeof(Ipv4Udp) == kHeaderBytes);

// RFC 1071 over the fields that differ; `kConstantSum` is the sum of those that do not.
constexpr std::uint32_t kConstantSum = 0x4500 + 0x4000 + (64 << 8 | 17) + 0xc613 + 0x0001;

base::be16 ip_checksum(std::uint32_t total_length, std::uint32_t source) noexcept {
  std::uint32_t sum = kConstantSum + total_length + (source >> 16) + (source & 0xffff);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return base::be16::from_host(static_cast<base::u16>(~sum));
}

std::vector<std::uint16_t> imix() {
  constexpr std::array<std::pair<std::uint16_t, int>, 3> kMix = {{{64, 28}, {570, 16}, {1518, 4}}};
  constexpr int kCycle = 48;
  std::vector<std::uint16_t> sizes;
  std::array<int, 3> credit{};
  for (int i = 0; i < kCycle; ++i) {  // the size that is most behind its share goes next
    for (std::size_t k = 0; k < kMix.size(); ++k) credit[k] += kMix[k].second;
    std::size_t next = 0;
    for (std::size_t k = 1; k < kMix.size(); ++k)
      if (credit[k] > credit[next]) next = k;
    credit[next] -= kCycle;
    sizes.push_back(kMix[next].first);
  }
  return sizes;
}

}  // namespace

void write_frame(std::uint8_t* frame, std::uint32_t frame_bytes, const Stamp& stamp) noexcept {
  const std::uint32_t ip_bytes = frame_bytes - 14;
  const std::uint32_t source = 0xc6120000 + stamp.flow / kPortsPerAddress;
  const Ethernet ethernet;
  Ipv4Udp h;
  h.total_length = base::be16::from_host(static_cast<base::u16>(ip_bytes));
  h.checksum = ip_checksum(ip_bytes, source);
  h.source = base::be32::from_host(source);
  h.source_port = base::be16::from_host(static_cast<base::u16>(1024 + stamp.flow % kPortsPerAddress));
  h.udp_length = base::be16::from_host(static_cast<base::u16>(ip_bytes - 20));
  std::memcpy(frame, &ethernet, sizeof(ethernet));
  std::memcpy(frame + sizeof(ethernet), &h, sizeof(h));
  std::memcpy(frame + kHeaderBytes, &stamp, sizeof(stamp));
}

std::optional<Stamp> read_stamp(std::span<const std::uint8_t> frame) noexcept {
  if (frame.size() < kFrameBytesMin) return std::nullopt;
  Stamp stamp;
  std::memcpy(&stamp, frame.data() + kHeaderBytes, sizeof(stamp));
  if (stamp.magic != Stamp::kMagic) return std::nullopt;
  return stamp;
}

std::vector<std::uint16_t> parse_sizes(std::string_view text) {
  if (text == "imix" || text == "IMIX") return imix();
  std::uint16_t size = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), size);
  if (error != std::errc() || end != text.data() + text.size()) return {};
  if (size < kFrameBytesMin || size > kFrameBytesMax) return {};
  return {size};
}

}  // namespace perf
