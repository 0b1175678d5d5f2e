// SPDX-License-Identifier: Apache-2.0
#include "base/reclaim.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace base {
namespace {

TEST(Reclaim, ATokenPassesWhenEveryReaderOnLineHasBeenQuiescent) {
  Reclaim domain;
  auto a = *domain.join();
  auto b = *domain.join();
  EXPECT_TRUE(domain.passed(domain.start())) << "readers off line are not waited for";
  a.online();
  b.online();
  const u64 token = domain.start();
  EXPECT_FALSE(domain.passed(token));
  a.quiescent();
  EXPECT_FALSE(domain.passed(token));
  b.offline();
  EXPECT_TRUE(domain.passed(token));
  const u64 later = domain.start();
  EXPECT_FALSE(domain.passed(later));
  EXPECT_TRUE(domain.passed(token)) << "what has passed stays passed";
}

TEST(Reclaim, RetiredCallsRunInOrderAfterTheGracePeriodAndAllAtTheEnd) {
  std::vector<int> order;
  {
    Reclaim domain;
    auto reader = *domain.join();
    reader.online();
    domain.retire([&] { order.push_back(1); });
    domain.retire([&] { order.push_back(2); });
    EXPECT_EQ(domain.poll(), 0U);
    EXPECT_EQ(domain.pending(), 2U);
    reader.quiescent();
    EXPECT_EQ(domain.poll(), 2U);
    domain.retire([&] { order.push_back(3); });
  }
  EXPECT_EQ(order, (std::vector<int>{1, 2, 3}));
}

TEST(Reclaim, ADestructorMayRetireSomethingItself) {
  Reclaim domain;
  int calls = 0;
  domain.retire([&] {
    ++calls;
    domain.retire([&] { ++calls; });
  });
  domain.synchronize();
  EXPECT_EQ(calls, 2);
}

TEST(Reclaim, SlotsComeBackAndTheirNumberIsBounded) {
  Reclaim domain;
  {
    std::vector<Reclaim::Reader> readers;
    for (u32 i = 0; i < Reclaim::kReadersMax; ++i) readers.push_back(*domain.join());
    const auto refused = domain.join();
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code(), ENOSPC);
  }
  EXPECT_TRUE(domain.join().ok());
}

TEST(Reclaim, AReadSectionHoldsGracePeriodsUpAndNests) {
  auto& domain = Reclaim::process();
  u64 token = 0;
  {
    ReadSection outer;
    token = domain.start();
    {
      ReadSection inner;
    }
    EXPECT_FALSE(domain.passed(token)) << "the inner section's end is not the outer one's";
  }
  EXPECT_TRUE(domain.passed(token));
}

// Readers follow a pointer; a writer replaces what it points to and poisons the old one after its grace period.
TEST(Reclaim, NobodySeesWhatWasReclaimed) {
  Reclaim domain;
  struct Box {
    std::atomic<int> state{1};
  };
  std::atomic<Box*> current{new Box};
  std::atomic<bool> stop{false};
  std::atomic<int> poisoned{0};
  std::vector<std::thread> readers;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&] {
      auto reader = *domain.join();
      reader.online();
      while (!stop) {
        Box* box = current.load(std::memory_order_acquire);
        for (int look = 0; look < 4; ++look) poisoned += box->state.load(std::memory_order_relaxed) != 1;
        reader.quiescent();
      }
    });
  std::vector<Box*> graveyard;
  for (int i = 0; i < 300; ++i) {
    Box* old = current.exchange(new Box, std::memory_order_acq_rel);
    domain.synchronize();
    old->state = 2;
    graveyard.push_back(old);
  }
  stop = true;
  for (auto& reader : readers) reader.join();
  for (Box* box : graveyard) delete box;
  delete current.load();
  EXPECT_EQ(poisoned, 0);
}

}  // namespace
}  // namespace base
