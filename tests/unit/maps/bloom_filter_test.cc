// SPDX-License-Identifier: Apache-2.0
#include <random>

#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

class Filter {
 public:
  Filter(u32 entries, u64 hashes) {
    auto spec = spec_of(bpf::BPF_MAP_TYPE_BLOOM_FILTER, 0, sizeof(u64), entries);
    spec.map_extra = hashes;
    auto made = make_map(spec);
    EXPECT_TRUE(made.ok());
    map_ = *std::move(made);
  }
  base::s64 push(u64 value, u64 flags = 0) {
    return map_->head()->runtime->push(nullptr, map_->head(), map_->head()->shape, &value, flags);
  }
  bool has(u64 value) { return map_->head()->runtime->peek(nullptr, map_->head(), map_->head()->shape, &value) == 0; }

 private:
  std::unique_ptr<bpf::Map> map_;
};

TEST(BloomFilter, WhatWasPushedIsAlwaysFoundAndLittleElse) {
  for (u64 hashes : {0U, 1U, 3U, 5U, 15U}) {
    Filter filter(2000, hashes);
    std::mt19937_64 random(hashes + 1);
    std::vector<u64> pushed(2000);
    for (u64& value : pushed) ASSERT_EQ(filter.push(value = random()), 0);
    for (u64 value : pushed) ASSERT_TRUE(filter.has(value));
    u32 wrong = 0;
    for (u32 i = 0; i < 20000; ++i) wrong += filter.has(random());
    // One hash at this load: 1 - exp(-1 / 1.4) of the bits at the most, 51 %; five: less than one in ten.
    EXPECT_LT(wrong, hashes == 1 ? 11000U : hashes == 3 ? 4000U : 2000U) << hashes << " hashes";
  }
}

TEST(BloomFilter, FlagsAreRefusedAndAnEmptyFilterHasNothing) {
  Filter filter(10, 5);
  EXPECT_EQ(filter.push(1, bpf::BPF_EXIST), -EINVAL);
  EXPECT_FALSE(filter.has(1));
  EXPECT_FALSE(filter.has(0));
}

}  // namespace
}  // namespace maps_test
