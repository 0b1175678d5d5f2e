// SPDX-License-Identifier: Apache-2.0
// frame.h — the frames of the generator: Ethernet, IPv4, UDP, and a stamp in the payload.
//
// Shape     64 bytes at least: 14 + 20 + 8 + the 22 of the stamp. Sizes are without FCS, as testpmd and the virtual
//           ports count them. Flow i has source 198.18.0.0/16 + i / 60000 and source port 1024 + i % 60000; destination
//           198.19.0.1:7 (RFC 2544, C.2.2). The UDP checksum is 0, "not computed" (RFC 768); the IP checksum is right.
// Source    IMIX: 28 × 64 + 16 × 570 + 4 × 1518, spread over a cycle of 48 frames.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace perf {

inline constexpr std::uint32_t kHeaderBytes = 14 + 20 + 8;
inline constexpr std::uint32_t kFrameBytesMin = 64;
inline constexpr std::uint32_t kFrameBytesMax = 1518;
// 60000 ports on each of 65536 addresses would be more; a million flows is what the tables under test hold at most.
inline constexpr std::uint32_t kFlowsMax = 1'000'000;

struct __attribute__((packed)) Stamp {
  static constexpr std::uint16_t kMagic = 0x51ce;
  std::uint16_t magic;
  std::uint32_t flow;
  std::uint64_t sequence;
  std::uint64_t tsc;
};
static_assert(kHeaderBytes + sizeof(Stamp) == kFrameBytesMin);

// Writes the header of flow `flow` and its stamp; bytes behind the stamp are left as they are.
// REQUIRES: frame_bytes >= kFrameBytesMin.
void write_frame(std::uint8_t* frame, std::uint32_t frame_bytes, const Stamp& stamp) noexcept;

// The stamp of a frame of ours, whatever the device under test did to its addresses; nothing if it is not ours.
std::optional<Stamp> read_stamp(std::span<const std::uint8_t> frame) noexcept;

// "64" -> {64}; "imix" -> 48 sizes. Empty if the text is neither a size nor imix.
std::vector<std::uint16_t> parse_sizes(std::string_view text);

}  // namespace perf
