// SPDX-License-Identifier: Apache-2.0
// literal.h — what a scalar of a map entry or of .rodata can mean, before BTF says which.
//
// Shape     parsers from text to numbers and bytes. Addresses come in network order, as they stand in a packet.
// Errors    nothing when the text is not of that form; the caller knows the field and writes the sentence.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "config/node.h"

namespace config {

struct Prefix {
  std::vector<std::uint8_t> address;  // 4 or 16 bytes
  std::uint32_t length = 0;           // bits

  bool operator==(const Prefix&) const = default;
};

std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text) noexcept;
std::optional<std::array<std::uint8_t, 16>> parse_ipv6(std::string_view text) noexcept;
std::optional<std::array<std::uint8_t, 6>> parse_mac(std::string_view text) noexcept;
// "198.51.100.0/24", "2001:db8::/32"; a bare address is a full-length prefix. Bits beyond the length must be zero.
std::optional<Prefix> parse_prefix(std::string_view text);
// "0x0011aabb": an even number of digits, bytes in the order written.
std::optional<std::vector<std::uint8_t>> parse_hex_bytes(std::string_view text);
// icmp, tcp, udp, …: the number IANA gave the protocol.
std::optional<std::uint8_t> parse_ip_protocol(std::string_view text) noexcept;

struct ScalarField {
  std::uint32_t size = 0;  // bytes: 1, 2, 4 or 8; 6 and 16 for MAC and IPv6 addresses
  bool is_signed = false;
  bool network_order = false;  // __be16, __be32, __be64: numbers are swapped
};
// The bytes of one scalar in a field of that shape: a number (range checked), true/false, an address of the field's
// size, a protocol name in a byte, or "0x…" of exactly 2 × size digits in a quoted text. An error is one sentence
// without its place.
struct Encoded {
  std::vector<std::uint8_t> bytes;
  std::string error;

  bool ok() const noexcept { return error.empty(); }
};
Encoded encode_scalar(const Node& node, const ScalarField& field);

}  // namespace config
