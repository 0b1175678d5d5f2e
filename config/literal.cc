// SPDX-License-Identifier: Apache-2.0
#include "config/literal.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

namespace config {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

template <std::size_t size>
std::optional<std::array<std::uint8_t, size>> parse_address(int family, std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN + 1> copy{};
  if (text.size() >= copy.size()) return std::nullopt;
  std::copy(text.begin(), text.end(), copy.begin());
  std::array<std::uint8_t, size> address{};
  if (::inet_pton(family, copy.data(), address.data()) != 1) return std::nullopt;
  return address;
}

struct Protocol {
  std::string_view name;
  std::uint8_t number;
};
// IANA "Assigned Internet Protocol Numbers", those that packet filters name.
constexpr Protocol kProtocols[] = {{"icmp", 1},    {"igmp", 2},  {"ipip", 4},   {"tcp", 6},      {"udp", 17},
                                   {"dccp", 33},   {"gre", 47},  {"esp", 50},   {"ah", 51},      {"icmp6", 58},
                                   {"icmpv6", 58}, {"ospf", 89}, {"sctp", 132}, {"udplite", 136}};

bool is_host_bit_set(const Prefix& prefix) {
  for (std::uint32_t bit = prefix.length; bit < prefix.address.size() * 8; ++bit) {
    if (prefix.address[bit / 8] & (0x80u >> (bit % 8))) return true;
  }
  return false;
}

std::vector<std::uint8_t> number_bytes(std::uint64_t value, const ScalarField& field) {
  std::vector<std::uint8_t> bytes(field.size);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(value >> (8 * i));
  if (field.network_order) std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

bool is_integer_size(std::uint32_t size) {
  return size == 1 || size == 2 || size == 4 || size == 8;
}

Encoded fail(std::string sentence) {
  return {{}, std::move(sentence)};
}

std::string bits(const ScalarField& field) {
  return std::to_string(field.size * 8) + " bits";
}

Encoded encode_number(const Node& node, const ScalarField& field) {
  if (!is_integer_size(field.size)) {
    return fail("a number cannot fill a field of " + std::to_string(field.size) + " bytes; write \"0x…\" bytes");
  }
  const unsigned width = field.size * 8;
  if (const auto value = node.as_unsigned()) {
    const unsigned magnitude = field.is_signed ? width - 1 : width;
    if (magnitude < 64 && *value >> magnitude != 0) return fail(node.text + " does not fit " + bits(field));
    return {number_bytes(*value, field), {}};
  }
  const std::int64_t value = *node.as_signed();
  if (!field.is_signed) return fail(node.text + " is negative, and the field is unsigned");
  if (width < 64 && value < -(std::int64_t{1} << (width - 1))) return fail(node.text + " does not fit " + bits(field));
  return {number_bytes(static_cast<std::uint64_t>(value), field), {}};
}

template <class Array>
std::vector<std::uint8_t> to_vector(const Array& array) {
  return {array.begin(), array.end()};
}

// The bytes of a text, if it is an address, a protocol or raw bytes of the right size.
std::optional<std::vector<std::uint8_t>> encode_text(std::string_view text, std::uint32_t size) {
  if (size == 4) {
    if (const auto address = parse_ipv4(text)) return to_vector(*address);
  }
  if (size == 16) {
    if (const auto address = parse_ipv6(text)) return to_vector(*address);
  }
  if (size == 6) {
    if (const auto address = parse_mac(text)) return to_vector(*address);
  }
  if (size == 1) {
    if (const auto number = parse_ip_protocol(text)) return std::vector<std::uint8_t>{*number};
  }
  auto raw = parse_hex_bytes(text);
  if (raw && raw->size() == size) return raw;
  return std::nullopt;
}

// Why a text did not do.
std::string text_problem(std::string_view text, std::uint32_t size) {
  const std::string shown = "'" + std::string(text.substr(0, 60)) + "'";
  const std::string field = " for a field of " + std::to_string(size) + " byte" + (size == 1 ? "" : "s");
  if (parse_ipv4(text)) return shown + " is an IPv4 address of 4 bytes," + field;
  if (parse_ipv6(text)) return shown + " is an IPv6 address of 16 bytes," + field;
  if (parse_mac(text)) return shown + " is an Ethernet address of 6 bytes," + field;
  if (const auto raw = parse_hex_bytes(text)) return shown + " is " + std::to_string(raw->size()) + " bytes," + field;
  if (parse_prefix(text)) return shown + " is a prefix, and only the key of an LPM trie is one";
  return shown + " is neither a number nor an address, a protocol or \"0x…\" bytes," + field;
}

}  // namespace

std::optional<std::array<std::uint8_t, 4>> parse_ipv4(std::string_view text) noexcept {
  return parse_address<4>(AF_INET, text);
}

std::optional<std::array<std::uint8_t, 16>> parse_ipv6(std::string_view text) noexcept {
  return parse_address<16>(AF_INET6, text);
}

std::optional<std::array<std::uint8_t, 6>> parse_mac(std::string_view text) noexcept {
  constexpr std::size_t kTextBytes = 17;
  if (text.size() != kTextBytes) return std::nullopt;
  std::array<std::uint8_t, 6> mac{};
  for (std::size_t i = 0; i < mac.size(); ++i) {
    const int high = hex_digit(text[3 * i]);
    const int low = hex_digit(text[3 * i + 1]);
    if (high < 0 || low < 0 || (i + 1 < mac.size() && text[3 * i + 2] != ':')) return std::nullopt;
    mac[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return mac;
}

std::optional<Prefix> parse_prefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view address = text.substr(0, slash);
  Prefix prefix;
  if (const auto v4 = parse_ipv4(address)) {
    prefix.address = to_vector(*v4);
  } else if (const auto v6 = parse_ipv6(address)) {
    prefix.address = to_vector(*v6);
  } else {
    return std::nullopt;
  }
  const auto length_max = static_cast<std::uint32_t>(prefix.address.size() * 8);
  prefix.length = length_max;
  if (slash == std::string_view::npos) return prefix;
  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix.length);
  const bool whole = error == std::errc{} && end == digits.data() + digits.size();
  if (!whole || prefix.length > length_max || is_host_bit_set(prefix)) return std::nullopt;
  return prefix;
}

std::optional<std::vector<std::uint8_t>> parse_hex_bytes(std::string_view text) {
  if (!text.starts_with("0x") || text.size() % 2 != 0 || text.size() == 2) return std::nullopt;
  std::vector<std::uint8_t> bytes;
  bytes.reserve(text.size() / 2 - 1);
  for (std::size_t i = 2; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]);
    const int low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return bytes;
}

std::optional<std::uint8_t> parse_ip_protocol(std::string_view text) noexcept {
  for (const Protocol& protocol : kProtocols) {
    if (protocol.name == text) return protocol.number;
  }
  return std::nullopt;
}

Encoded encode_scalar(const Node& node, const ScalarField& field) {
  if (!node.is_scalar()) return fail("must be one value, not " + std::string(node.type_word()));
  if (const auto flag = node.as_bool()) return {number_bytes(*flag ? 1 : 0, field), {}};
  if ((node.as_unsigned() || node.as_signed()) && is_integer_size(field.size)) return encode_number(node, field);
  if (auto bytes = encode_text(node.text, field.size)) return {std::move(*bytes), {}};
  if (node.as_unsigned() || node.as_signed()) return encode_number(node, field);
  return fail(text_problem(node.text, field.size));
}

}  // namespace config
