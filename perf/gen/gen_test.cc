// SPDX-License-Identifier: Apache-2.0
// The parts of the generator that judge others are judged here.
#include <gtest/gtest.h>

#include <array>
#include <numeric>

#include "perf/gen/flow_checker.h"
#include "perf/gen/frame.h"
#include "perf/gen/histogram.h"
#include "perf/gen/pacer.h"

namespace perf {
namespace {

TEST(FlowChecker, TellsLateFromTwiceFromForeign) {
  FlowChecker checker(2);
  for (std::uint64_t s : {0, 1, 4, 3, 3, 0}) checker.see(1, s);  // 2 lost, 3 late, 3 again, 0 again
  checker.see(2, 0);                                             // no such flow
  EXPECT_EQ(checker.totals().received, 6u);
  EXPECT_EQ(checker.totals().reordered, 1u);
  EXPECT_EQ(checker.totals().duplicates, 2u);
  EXPECT_EQ(checker.totals().foreign, 1u);
  EXPECT_EQ(checker.totals().unique(), 4u);
}

TEST(FlowChecker, SaysWhenItCannotTell) {
  FlowChecker checker(1);
  checker.see(0, 0);
  checker.see(0, 64);
  checker.see(0, 0);  // 64 behind: out of the window
  checker.see(0, 1);  // 63 behind: the oldest it knows
  EXPECT_EQ(checker.totals().too_late, 1u);
  EXPECT_EQ(checker.totals().reordered, 1u);
}

TEST(Frame, ChecksumIsThatOfRfc1071AndTheStampComesBack) {
  for (std::uint32_t flow : {0u, 59'999u, 60'000u, 999'999u}) {
    std::array<std::uint8_t, 570> frame{};
    const Stamp in{Stamp::kMagic, flow, 7, 9};
    write_frame(frame.data(), frame.size(), in);
    std::uint32_t sum = 0;
    for (int i = 14; i < 34; i += 2) sum += frame[i] << 8 | frame[i + 1];
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    EXPECT_EQ(sum, 0xffffu);
    const auto out = read_stamp(frame);
    ASSERT_TRUE(out);
    EXPECT_EQ(std::uint32_t(out->flow), flow);
    EXPECT_EQ(std::uint64_t(out->tsc), 9u);
    EXPECT_EQ(frame[16] << 8 | frame[17], 556);  // total length
  }
}

TEST(Frame, OfOthersHasNoStamp) {
  std::array<std::uint8_t, 64> frame{};
  EXPECT_FALSE(read_stamp(frame));
  write_frame(frame.data(), frame.size(), {Stamp::kMagic, 0, 0, 0});
  EXPECT_TRUE(read_stamp(frame));
  EXPECT_FALSE(read_stamp(std::span(frame).first(63)));
}

TEST(Frame, ImixHasItsSharesInEveryCycle) {
  const auto sizes = parse_sizes("imix");
  EXPECT_EQ(std::count(sizes.begin(), sizes.end(), 64), 28);
  EXPECT_EQ(std::count(sizes.begin(), sizes.end(), 570), 16);
  EXPECT_EQ(std::count(sizes.begin(), sizes.end(), 1518), 4);
  EXPECT_EQ(parse_sizes("64"), std::vector<std::uint16_t>{64});
  for (const char* bad : {"", "63", "1519", "64x", "-1", "big"}) EXPECT_TRUE(parse_sizes(bad).empty()) << bad;
}

TEST(Pacer, OffersTheRateAndNotMore) {
  Pacer pacer(10.0, 1000, 1 << 20);
  EXPECT_EQ(pacer.due(1000, 32), 0u);
  EXPECT_EQ(pacer.due(1009, 32), 0u);
  EXPECT_EQ(pacer.due(1010, 32), 1u);
  pacer.did(1);
  EXPECT_EQ(pacer.due(1010, 32), 0u);
  EXPECT_EQ(pacer.due(2000, 32), 32u);  // 99 are due; a burst at a time
}

TEST(Pacer, GivesUpWhatItMissedBeyondItsDebt) {
  Pacer pacer(10.0, 0, 100);
  EXPECT_EQ(pacer.due(5000, 1000), 100u);
  EXPECT_EQ(pacer.missed(), 400u);
  pacer.did(100);
  EXPECT_EQ(pacer.due(5010, 1000), 1u);
}

TEST(Histogram, PercentilesAreWithinTheirBucket) {
  Histogram h;
  for (std::uint64_t v = 1; v <= 100'000; ++v) h.add(v);
  EXPECT_NEAR(double(h.percentile(0.5)), 50'000, 50'000 * 0.016);
  EXPECT_NEAR(double(h.percentile(0.99)), 99'000, 99'000 * 0.016);
  EXPECT_EQ(h.percentile(1.0), 100'000u);
  EXPECT_EQ(h.min(), 1u);
  EXPECT_EQ(Histogram().percentile(0.5), 0u);
  Histogram wide;
  wide.add(~std::uint64_t{0});
  EXPECT_EQ(wide.percentile(1.0), ~std::uint64_t{0});
}

}  // namespace
}  // namespace perf
