// SPDX-License-Identifier: Apache-2.0
#include "control/value_encoder.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include "config/load.h"

namespace control {
namespace {

std::vector<std::byte> read_file(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::vector<char> chars{std::istreambuf_iterator<char>(in), {}};
  std::vector<std::byte> bytes(chars.size());
  std::memcpy(bytes.data(), chars.data(), chars.size());
  return bytes;
}

config::Node scalar(std::string text, bool quoted = false) {
  config::Node node;
  node.kind = config::Node::Kind::kScalar;
  node.text = std::move(text);
  node.quoted = quoted;
  return node;
}

config::Node mapping(std::vector<std::pair<std::string, config::Node>> members) {
  config::Node node;
  node.kind = config::Node::Kind::kMap;
  for (auto& [key, value] : members) node.members.push_back({scalar(key), std::move(value)});
  return node;
}

config::Node list(std::vector<config::Node> items) {
  config::Node node;
  node.kind = config::Node::Kind::kList;
  node.items = std::move(items);
  return node;
}

class ValueEncoder : public testing::Test {
 protected:
  ValueType type_of(const char* name, bool lpm_key = false) {
    const auto id = btf_.find(name, bpf::BTF_KIND_STRUCT).value();
    return {&btf_, id, base::u32(*btf_.size_of(id)), lpm_key};
  }
  std::string encode(const ValueType& type, const config::Node& node) {
    auto bytes = encode_value(type, node, {"/maps/0/entries/0/key"}, diagnostics_);
    if (!bytes) return "refused: " + diagnostics_.sorted().front().message;
    std::string hex;
    for (auto b : *bytes) {
      constexpr char digits[] = "0123456789abcdef";
      hex += digits[unsigned(b) >> 4];
      hex += digits[unsigned(b) & 15];
    }
    return hex;
  }

  static bpf::btf::Btf parse_types() {
    auto btf = bpf::btf::Btf::parse(read_file(VALUE_TYPES_BTF));
    if (!btf) throw std::runtime_error(btf.error().what());
    return *std::move(btf);
  }
  bpf::btf::Btf btf_ = parse_types();
  config::Diagnostics diagnostics_;
};

TEST_F(ValueEncoder, WritesNetworkOrderFieldsAsTheyStandInAPacket) {
  EXPECT_EQ(encode(type_of("flow"), mapping({{"saddr", scalar("192.0.2.1")},
                                             {"daddr", scalar("198.51.100.7")},
                                             {"sport", scalar("4660")},
                                             {"dport", scalar("80")},
                                             {"proto", scalar("tcp")}})),
            "c0000201c633640712340050" "06000000");
}

TEST_F(ValueEncoder, WritesEnumsAddressesTextUnionsBitfieldsAndArrays) {
  EXPECT_EQ(encode(type_of("rule"), mapping({{"action", scalar("ACTION_DROP")},
                                             {"delta", scalar("-2")},
                                             {"mac", scalar("02:00:00:00:00:01")},
                                             {"name", scalar("edge", true)},
                                             {"word", scalar("0x01020304")},
                                             {"low", scalar("5")},
                                             {"high", scalar("31")},
                                             {"ports", list({scalar("1"), scalar("258")})}})),
            "07000000" "feffffff" "020000000001" "65646765000000000000" "04030201" "fd00" "010002010000");
}

TEST_F(ValueEncoder, WritesAPrefixAsTheKeyOfAnLpmTrie) {
  EXPECT_EQ(encode(type_of("prefix", true), scalar("198.51.100.0/24")), "18000000c6336400");
}

TEST_F(ValueEncoder, TakesTheWholeValueAsHexBytes) {
  EXPECT_EQ(encode(type_of("prefix"), scalar("0x18000000c6336400", true)), "18000000c6336400");
  EXPECT_EQ(encode({nullptr, 0, 3, false}, scalar("0xabcdef", true)), "abcdef");
  EXPECT_EQ(encode({nullptr, 0, 4, false}, scalar("258")), "02010000");
}

TEST_F(ValueEncoder, RefusesWhatDoesNotFitAndSaysWhy) {
  EXPECT_EQ(encode(type_of("flow"), mapping({{"sadr", scalar("1")}})),
            "refused: no field 'sadr' (have: saddr, daddr, sport, dport, proto, pad)");
}

TEST_F(ValueEncoder, RefusesBytesOfTheWrongLength) {
  EXPECT_EQ(encode(type_of("prefix"), scalar("0x18", true)), "refused: 1 bytes given, 8 wanted");
}

TEST_F(ValueEncoder, RefusesABitfieldThatIsTooWide) {
  EXPECT_EQ(encode(type_of("rule"), mapping({{"low", scalar("8")}})), "refused: a number of at most 3 bits wanted");
}

TEST_F(ValueEncoder, RefusesAScalarWhereAStructIsMeant) {
  EXPECT_EQ(encode(type_of("flow"), scalar("7")),
            "refused: 'flow' is a struct: write { saddr, daddr, sport, dport, proto, pad } or \"0x…\", not a number");
}

}  // namespace
}  // namespace control
