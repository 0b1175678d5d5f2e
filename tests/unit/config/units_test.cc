// SPDX-License-Identifier: Apache-2.0
#include "config/units.h"

#include <gtest/gtest.h>

#include <random>

namespace config {
namespace {

TEST(Units, SizesAreInPowersOf1024) {
  EXPECT_EQ(parse_size_bytes("0"), 0u);
  EXPECT_EQ(parse_size_bytes("4096"), 4096u);
  EXPECT_EQ(parse_size_bytes("64K"), 65536u);
  EXPECT_EQ(parse_size_bytes("64 KiB"), 65536u);
  EXPECT_EQ(parse_size_bytes("2G"), std::uint64_t{2} << 30);
  EXPECT_EQ(parse_size_bytes("1.5G"), std::uint64_t{3} << 29);
  EXPECT_EQ(parse_size_bytes("512MiB"), std::uint64_t{512} << 20);
  EXPECT_EQ(parse_size_bytes("16383T"), std::uint64_t{16383} << 40);
}

TEST(Units, CountsAreInPowersOf1000) {
  EXPECT_EQ(parse_count("4M"), 4'000'000u);
  EXPECT_EQ(parse_count("64k"), 64'000u);
  EXPECT_EQ(parse_count("0.5K"), 500u);
}

TEST(Units, WhatDoesNotComeOutEvenIsRefused) {
  EXPECT_FALSE(parse_size_bytes("0.3B"));
  EXPECT_FALSE(parse_count("1.5"));
  EXPECT_FALSE(parse_time_ns("0.5ns"));
  EXPECT_FALSE(parse_size_bytes("1.00000000001G"));
}

TEST(Units, WhatDoesNotFit64BitsIsRefused) {
  EXPECT_TRUE(parse_size_bytes("18446744073709551615"));
  EXPECT_FALSE(parse_size_bytes("18446744073709551616"));
  EXPECT_FALSE(parse_size_bytes("16777216T"));
  EXPECT_FALSE(parse_time_ns("18446744073710s"));
}

TEST(Units, AnythingElseIsRefused) {
  for (const char* text : {"", " ", "G", "1  K", " 1K", "1K ", "-1", "+1", "1e3", "0x10", "1 2", "1..5", "1.", ".5",
                           "1X", "1KB", "1Gi", "1g", "∞"}) {
    EXPECT_FALSE(parse_size_bytes(text)) << text;
  }
}

TEST(Units, TimesNeedAUnitUnlessZero) {
  EXPECT_EQ(parse_time_ns("0"), 0u);
  EXPECT_EQ(parse_time_ns("50us"), 50'000u);
  EXPECT_EQ(parse_time_ns("50 µs"), 50'000u);
  EXPECT_EQ(parse_time_ns("1.5ms"), 1'500'000u);
  EXPECT_EQ(parse_time_ns("1h"), 3'600'000'000'000u);
  EXPECT_FALSE(parse_time_ns("50"));
  EXPECT_FALSE(parse_time_ns("50usec"));
}

TEST(Units, RatesAreWholeCountsPerPeriod) {
  EXPECT_EQ(parse_rate("100/s"), (CountPerSeconds{100, 1}));
  EXPECT_EQ(parse_rate("10/min"), (CountPerSeconds{10, 60}));
  EXPECT_EQ(parse_rate("5/h"), (CountPerSeconds{5, 3600}));
  EXPECT_FALSE(parse_rate("100"));
  EXPECT_FALSE(parse_rate("0.5/s"));
  EXPECT_FALSE(parse_rate("5000000000/s"));
}

TEST(Units, FractionsAreAtMostOne) {
  EXPECT_EQ(parse_fraction("1/100"), 0.01);
  EXPECT_EQ(parse_fraction("0.5"), 0.5);
  EXPECT_EQ(parse_fraction("1"), 1.0);
  EXPECT_FALSE(parse_fraction("1/0"));
  EXPECT_FALSE(parse_fraction("3/2"));
  EXPECT_FALSE(parse_fraction("1/"));
  EXPECT_FALSE(parse_fraction("1/2/3"));
}

TEST(Units, WhatIsFormattedReadsBackToTheSameValue) {
  constexpr unsigned kSeed = 20261123;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random() >> (random() % 64) << (random() % 40);
    EXPECT_EQ(parse_size_bytes(format_size(value)), value) << "seed " << kSeed;
    EXPECT_EQ(parse_time_ns(format_time(value)), value) << "seed " << kSeed;
  }
  for (const char* text : {"7/s", "7/m", "7/h"}) EXPECT_EQ(format_rate(*parse_rate(text)), text);
}

}  // namespace
}  // namespace config
