// SPDX-License-Identifier: Apache-2.0
#include "config/literal.h"

#include <gtest/gtest.h>

namespace config {
namespace {

using Bytes = std::vector<std::uint8_t>;

Node plain(std::string text) {
  Node node;
  node.kind = Node::Kind::kScalar;
  node.text = std::move(text);
  return node;
}

Node quoted(std::string text) {
  Node node = plain(std::move(text));
  node.quoted = true;
  return node;
}

constexpr ScalarField kU8{1, false, false};
constexpr ScalarField kU16{2, false, false};
constexpr ScalarField kBe16{2, false, true};
constexpr ScalarField kU32{4, false, false};
constexpr ScalarField kS8{1, true, false};
constexpr ScalarField kU64{8, false, false};

TEST(Literal, NumbersAreInHostOrderUnlessTheFieldSaysNetwork) {
  EXPECT_EQ(encode_scalar(plain("80"), kU16).bytes, (Bytes{80, 0}));
  EXPECT_EQ(encode_scalar(plain("80"), kBe16).bytes, (Bytes{0, 80}));
  EXPECT_EQ(encode_scalar(plain("0x1234"), kU32).bytes, (Bytes{0x34, 0x12, 0, 0}));
  EXPECT_EQ(encode_scalar(plain("true"), kU8).bytes, (Bytes{1}));
  EXPECT_EQ(encode_scalar(plain("18446744073709551615"), kU64).bytes, Bytes(8, 0xff));
}

TEST(Literal, NumbersMustFit) {
  EXPECT_EQ(encode_scalar(plain("255"), kU8).bytes, (Bytes{255}));
  EXPECT_EQ(encode_scalar(plain("256"), kU8).error, "256 does not fit 8 bits");
  EXPECT_EQ(encode_scalar(plain("-1"), kU8).error, "-1 is negative, and the field is unsigned");
  EXPECT_EQ(encode_scalar(plain("-128"), kS8).bytes, (Bytes{0x80}));
  EXPECT_EQ(encode_scalar(plain("-129"), kS8).error, "-129 does not fit 8 bits");
  EXPECT_EQ(encode_scalar(plain("128"), kS8).error, "128 does not fit 8 bits");
}

TEST(Literal, AddressesStandAsInAPacket) {
  EXPECT_EQ(encode_scalar(plain("192.0.2.1"), kU32).bytes, (Bytes{192, 0, 2, 1}));
  EXPECT_EQ(encode_scalar(plain("2001:db8::1"), {16, false, false}).bytes,
            (Bytes{0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
  EXPECT_EQ(encode_scalar(plain("02:00:00:00:00:0a"), {6, false, false}).bytes, (Bytes{2, 0, 0, 0, 0, 10}));
}

TEST(Literal, AnAddressInAFieldOfAnotherSizeIsExplained) {
  EXPECT_EQ(encode_scalar(plain("192.0.2.1"), kU16).error,
            "'192.0.2.1' is an IPv4 address of 4 bytes, for a field of 2 bytes");
  EXPECT_EQ(encode_scalar(plain("192.0.2.0/24"), kU32).error,
            "'192.0.2.0/24' is a prefix, and only the key of an LPM trie is one");
  EXPECT_EQ(encode_scalar(plain("blue"), kU8).error,
            "'blue' is neither a number nor an address, a protocol or \"0x…\" bytes, for a field of 1 byte");
}

TEST(Literal, ProtocolsHaveTheirNumbers) {
  EXPECT_EQ(encode_scalar(plain("tcp"), kU8).bytes, (Bytes{6}));
  EXPECT_EQ(encode_scalar(plain("icmp6"), kU8).bytes, (Bytes{58}));
}

TEST(Literal, QuotedHexIsBytesInTheOrderWritten) {
  EXPECT_EQ(encode_scalar(quoted("0x0a000001"), kU32).bytes, (Bytes{10, 0, 0, 1}));
  EXPECT_EQ(encode_scalar(quoted("0x0a0000"), kU32).error, "'0x0a0000' is 3 bytes, for a field of 4 bytes");
  EXPECT_EQ(encode_scalar(plain("0x00112233445566"), {7, false, false}).bytes,
            (Bytes{0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66}));
  EXPECT_FALSE(parse_hex_bytes("0x123"));
  EXPECT_FALSE(parse_hex_bytes("0x"));
  EXPECT_FALSE(parse_hex_bytes("0x1g"));
}

TEST(Literal, PrefixesHaveNoBitsBeyondTheirLength) {
  EXPECT_EQ(parse_prefix("198.51.100.0/24"), (Prefix{{198, 51, 100, 0}, 24}));
  EXPECT_EQ(parse_prefix("198.51.100.7"), (Prefix{{198, 51, 100, 7}, 32}));
  EXPECT_EQ(parse_prefix("0.0.0.0/0"), (Prefix{{0, 0, 0, 0}, 0}));
  EXPECT_EQ(parse_prefix("2001:db8::/32")->length, 32u);
  for (const char* text :
       {"198.51.100.1/24", "198.51.100.0/33", "2001:db8::/129", "198.51.100.0/", "198.51.100/24", "/8", "x/8", ""}) {
    EXPECT_FALSE(parse_prefix(text)) << text;
  }
}

TEST(Literal, StructuredValuesAreNotScalars) {
  Node list;
  list.kind = Node::Kind::kList;
  EXPECT_EQ(encode_scalar(list, kU32).error, "must be one value, not a list");
  EXPECT_EQ(encode_scalar(Node{}, kU32).error, "must be one value, not nothing");
}

}  // namespace
}  // namespace config
