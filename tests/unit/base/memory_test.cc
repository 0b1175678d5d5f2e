// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>
#include <vector>

namespace base {
namespace {

constexpr u64 kMiB = u64{1} << 20;

TEST(MemoryBudget, RefusesWithBothNumbersAndGivesBackWhatItLent) {
  MemoryBudget budget(1024 * kMiB);
  {
    auto held = MemoryCharge::make(budget, "map 'a'", 512 * kMiB);
    ASSERT_TRUE(held.ok());
    auto refused = MemoryCharge::make(budget, "map 'flows'", 1234 * kMiB);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ENOMEM);
    EXPECT_EQ(refused.error().what(), "map 'flows' needs 1234 MiB, 512 MiB of 1024 MiB left");
    EXPECT_TRUE(held->try_grow(512 * kMiB));
    EXPECT_FALSE(held->try_grow(1));
    held->shrink(kMiB);
    EXPECT_EQ(budget.used(), 1023 * kMiB);
  }
  EXPECT_EQ(budget.used(), 0U);
}

TEST(MemoryBudget, NeverLendsMoreThanItHasToFourThreadsAtOnce) {
  MemoryBudget budget(1000);
  std::atomic<u32> granted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) granted += budget.try_charge(3);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(granted, 333U);
  EXPECT_EQ(budget.used(), 999U);
}

TEST(MemoryBudget, ALowerLimitRefusesButTakesNothingAway) {
  MemoryBudget budget(100);
  ASSERT_TRUE(budget.try_charge(80));
  budget.set_limit(50);
  EXPECT_FALSE(budget.try_charge(1));
  EXPECT_EQ(budget.refusal("x", 1).what(), "x needs 1 bytes, 0 bytes of 50 bytes left");
  budget.release(80);
  EXPECT_TRUE(budget.try_charge(50));
}

TEST(MemoryRegion, IsZeroedAndAlignedToTheSizeOfItsPages) {
  for (u64 size : {u64{1}, u64{5000}, 2 * kMiB, 5 * kMiB + 1}) {
    auto region = MemoryRegion::make("test", {size, -1, true});
    ASSERT_TRUE(region.ok());
    EXPECT_GE(region->size(), size);
    EXPECT_EQ(reinterpret_cast<u64>(region->data()) % (size >= 2 * kMiB ? 2 * kMiB : 4096), 0U);
    for (u64 i = 0; i < size; i += 4096) ASSERT_EQ(region->data()[i], std::byte{0});
    region->data()[size - 1] = std::byte{1};
  }
}

TEST(MemoryRegion, FallsBackWhenTheHugetlbPoolIsDry) {
  set_page_policy(PagePolicy::hugetlb);
  auto region = MemoryRegion::make("test", {64 * kMiB});
  set_page_policy(PagePolicy::transparent);
  ASSERT_TRUE(region.ok()) << region.error().what();
  region->data()[64 * kMiB - 1] = std::byte{1};
}

TEST(MemoryRegion, SizesThatNoMappingHasAreRefusedInWords) {
  for (u64 size : {u64{0}, ~u64{0}, u64{1} << 62}) {
    auto region = MemoryRegion::make("map 'x'", {size});
    ASSERT_FALSE(region.ok());
    EXPECT_EQ(region.error().code(), ENOMEM);
    EXPECT_TRUE(region.error().what().starts_with("map 'x' needs ")) << region.error().what();
  }
}

TEST(MemoryRegion, SharedMemoryCannotBeResizedByWhoHoldsItsDescriptor) {
  auto region = MemoryRegion::make("test", {100, -1, false, true});
  ASSERT_TRUE(region.ok());
  ASSERT_GE(region->fd(), 0);
  EXPECT_NE(ftruncate(region->fd(), 0), 0);
  EXPECT_NE(ftruncate(region->fd(), 1 << 20), 0);
}

TEST(FormatBytes, RoundsUpSoThatANeedNeverReadsSmaller) {
  EXPECT_EQ(format_bytes(7), "7 bytes");
  EXPECT_EQ(format_bytes(1025), "2 KiB");
  EXPECT_EQ(format_bytes(kMiB), "1 MiB");
  EXPECT_EQ(format_bytes(kMiB + 1), "2 MiB");
  EXPECT_EQ(format_bytes(~u64{0}), "17592186044416 MiB");
}

}  // namespace
}  // namespace base
