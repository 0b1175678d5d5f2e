// SPDX-License-Identifier: Apache-2.0
// concurrency_test.cc — four threads on one map, with yields between the steps of each operation (maps/test_point.h).
// Run under -Db_sanitize=thread as well. What is checked is what the map promises, not only that nothing is reported.
#include "maps/hash_table.h"
#include "tests/unit/maps/four_threads.h"

namespace maps_test {
namespace {

using bpf::BPF_ANY;
using bpf::BPF_EXIST;
using bpf::BPF_F_NO_PREALLOC;
using bpf::BPF_NOEXIST;

// Inserts and deletes that succeeded, by key: their difference is 0 or 1 and says whether the key is there. A key that
// was in the map twice, or a delete that took two, breaks it.
struct Account {
  std::atomic<int> inserted{0};
  std::atomic<int> erased{0};
};

template <class Map>
void settle(Map& map, std::vector<Account>& accounts, u32 max_entries) {
  const auto keys = map.keys();
  const std::set<u64> present(keys.begin(), keys.end());
  EXPECT_EQ(present.size(), keys.size()) << "a key came twice";
  for (u64 key = 0; key < accounts.size(); ++key)
    ASSERT_EQ(accounts[key].inserted - accounts[key].erased, present.contains(key) ? 1 : 0) << "key " << key;
  EXPECT_EQ(map.count(), present.size());
  // Nothing has leaked: the map still takes max_entries, and not one more.
  for (u64 key : present) ASSERT_EQ(map.erase(key), 0);
  for (u64 key = 0; key < max_entries; ++key) ASSERT_EQ(map.update(key, Stamp::of(key, 0)), 0) << key;
  EXPECT_EQ(map.update(max_entries, Stamp::of(max_entries, 0)), -E2BIG);
}

void run_accounts(u32 flags, u32 max_entries, u32 key_count, bool one_bucket) {
  TestMap<u64, Stamp> map(bpf::BPF_MAP_TYPE_HASH, max_entries, flags);
  if (one_bucket) static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map.head()))->bucket_mask = 0;
  std::vector<Account> accounts(key_count);
  std::atomic<u32> torn{0};
  on_four_threads([&](u32, bpf_env& env, std::mt19937& random, u32 i) {
    const u64 key = random() % key_count;
    switch (random() % 5) {
      case 0:
        if (map.put(env, key, Stamp::of(key, i), BPF_NOEXIST) == 0) ++accounts[key].inserted;
        break;
      case 1:
        if (map.remove(env, key) == 0) ++accounts[key].erased;
        break;
      case 2: {
        const auto result = map.put(env, key, Stamp::of(key, i), BPF_EXIST);
        ASSERT_TRUE(result == 0 || result == -ENOENT) << result;
        break;
      }
      case 3: {
        Stamp taken;
        if (map.ops().lookup_and_delete(map.map(), bytes_of(key), std::as_writable_bytes(std::span(&taken, 1)), 0) ==
            0) {
          ++accounts[key].erased;
          torn += !taken.whole(key);
        }
        break;
      }
      default:
        if (const auto found = map.lookup(key)) torn += !found->whole(key);
    }
  });
  EXPECT_EQ(torn, 0U) << "a look-up gave a value that was never stored for its key";
  settle(map, accounts, max_entries);
}

TEST(HashConcurrency, EveryInsertAndEraseIsAccountedFor) {
  run_accounts(0, 64, 48, false);
}
TEST(HashConcurrency, EveryInsertAndEraseIsAccountedForWithoutPreallocation) {
  run_accounts(BPF_F_NO_PREALLOC, 64, 48, false);
}
TEST(HashConcurrency, OneBucketWithItsOverflowListHoldsUnderFourWriters) {
  run_accounts(0, 64, 40, true);
}
TEST(HashConcurrency, OneBucketWithoutPreallocationHoldsUnderFourWriters) {
  run_accounts(BPF_F_NO_PREALLOC, 64, 40, true);
}
TEST(HashConcurrency, AFullMapRefusesTheRestAndLosesNothing) {
  run_accounts(0, 16, 64, false);
}

// Keys that are replaced but never deleted are found by every look-up, whatever happens around them.
void run_residents(u32 flags, bool one_bucket) {
  constexpr u64 kResidents = 24;
  TestMap<u64, Stamp> map(bpf::BPF_MAP_TYPE_HASH, 128, flags);
  if (one_bucket) static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map.head()))->bucket_mask = 0;
  for (u64 key = 0; key < kResidents; ++key) ASSERT_EQ(map.update(key, Stamp::of(key, 0)), 0);
  std::atomic<u32> missed{0};
  std::atomic<u32> failed{0};
  on_four_threads([&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
    const u64 resident = random() % kResidents;
    if (thread == 0) {
      missed += map.find(env, resident) == nullptr;
    } else if (thread == 1) {
      failed += map.put(env, resident, Stamp::of(resident, i), BPF_EXIST) != 0;
    } else {
      const u64 guest = kResidents + random() % 40;
      if (random() % 2)
        failed += map.put(env, guest, Stamp::of(guest, i)) != 0;
      else
        map.remove(env, guest);
    }
  });
  EXPECT_EQ(missed, 0U) << "a key that was there all the time was not found";
  EXPECT_EQ(failed, 0U) << "an update failed although there was room";
  for (u64 key = 0; key < kResidents; ++key) {
    const auto value = map.lookup(key);
    ASSERT_TRUE(value.has_value());
    EXPECT_TRUE(value->whole(key));
  }
}

TEST(HashConcurrency, KeysThatStayAreAlwaysFound) {
  run_residents(0, false);
}
TEST(HashConcurrency, KeysThatStayAreAlwaysFoundInAnOverflowingBucket) {
  run_residents(0, true);
}
TEST(HashConcurrency, KeysThatStayAreAlwaysFoundWithoutPreallocation) {
  run_residents(BPF_F_NO_PREALLOC, true);
}

// A value that a reader holds stays that key's until it is quiescent. A writer waits for its own token before so many
// nodes are waiting that the map would rather reuse one than fail.
TEST(HashConcurrency, AValueInHandIsNotReusedWithoutPreallocation) {
  constexpr u32 kAhead = maps::HashNodes::kLimboNodes / 16;
  TestMap<u64, Stamp> map(bpf::BPF_MAP_TYPE_HASH, 64, BPF_F_NO_PREALLOC);
  auto& domain = base::Reclaim::process();
  std::atomic<u32> reused{0};
  u64 tokens[kThreads] = {};
  on_four_threads([&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
    const u64 key = random() % 32;
    if (thread >= 2) {
      if (i % kAhead == 0) {
        while (!domain.passed(tokens[thread])) std::this_thread::yield();
        tokens[thread] = domain.start();
      }
      if (random() % 2)
        map.put(env, key, Stamp::of(key, i));
      else
        map.remove(env, key);
      return;
    }
    if (const Stamp* held = map.find(env, key)) {
      for (u32 look = 0; look < 3; ++look) {
        std::this_thread::yield();
        const Stamp seen{__atomic_load_n(&held->key, __ATOMIC_RELAXED),
                         __atomic_load_n(&held->number, __ATOMIC_RELAXED),
                         __atomic_load_n(&held->check, __ATOMIC_RELAXED)};
        reused += !seen.whole(key);
      }
    }
  });
  EXPECT_EQ(reused, 0U);
}

TEST(HashConcurrency, IterationBesideWritersMeetsEveryKeyThatStays) {
  constexpr u64 kResidents = 50;
  TestMap<u64, Stamp> map(bpf::BPF_MAP_TYPE_HASH, 256);
  for (u64 key = 0; key < kResidents; ++key) ASSERT_EQ(map.update(key, Stamp::of(key, 0)), 0);
  std::atomic<u32> short_walks{0};
  on_four_threads([&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
    if (thread != 0) {
      const u64 guest = 1000 + random() % 30;
      if (random() % 2)
        map.put(env, guest, Stamp::of(guest, i));
      else
        map.remove(env, guest);
    } else if (i % 64 == 0) {
      // A walk that stands on a key that is deleted starts again, as in Linux; one that did not is complete.
      std::set<u64> seen;
      u64 key = 0;
      u32 steps = 0;
      for (int r = map.next(nullptr, key); r == 0 && ++steps < 2000; r = map.next(&key, key)) seen.insert(key);
      if (steps >= 2000) return;
      for (u64 resident = 0; resident < kResidents; ++resident) short_walks += !seen.contains(resident);
    }
  });
  EXPECT_EQ(short_walks, 0U);
}

// More keys than room: every update finds a place, no key comes twice, no value is another key's, and nothing leaks.
void run_lru(u32 flags, bool one_bucket) {
  constexpr u32 kEntries = 64;
  constexpr u64 kKeys = 160;
  TestMap<u64, Stamp> map(bpf::BPF_MAP_TYPE_LRU_HASH, kEntries, flags);
  if (one_bucket) static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map.head()))->bucket_mask = 0;
  std::atomic<u32> bad{0}, refused{0}, crowded{0}, empty{0};
  on_four_threads([&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
    const u64 key = random() % kKeys;
    if (random() % 3 == 0) {
      if (const auto found = map.lookup(key)) bad += !found->whole(key);
    } else if (random() % 16 == 0) {
      map.remove(env, key);
    } else {
      refused += map.put(env, key, Stamp::of(key, i)) != 0;
    }
    if (thread == 0 && i % 64 == 63) {
      const u64 count = map.count();  // of what moves meanwhile: each thread may be seen twice or not at all
      crowded += count > kEntries + kThreads;
      empty += count < kEntries / 4;
    }
  });
  EXPECT_EQ(bad, 0U) << "a value that was never stored for its key";
  EXPECT_EQ(refused, 0U);
  EXPECT_EQ(crowded, 0U);
  EXPECT_EQ(empty, 0U) << "nearly everything was evicted";
  const auto keys = map.keys();
  EXPECT_EQ(std::set<u64>(keys.begin(), keys.end()).size(), keys.size()) << "a key came twice";
  EXPECT_EQ(map.count(), keys.size());
  EXPECT_LE(keys.size(), kEntries);
  const u32 cpus = base::possible_cpu_count();
  bpf_env env{};
  for (u64 key = 1000; key < 1000 + 4 * kEntries * cpus; ++key) {
    env.cpu = static_cast<u32>(key % cpus);
    ASSERT_EQ(map.put(env, key, Stamp::of(key, 0)), 0);
  }
  EXPECT_EQ(map.count(), kEntries) << "a node has leaked";
}

TEST(LruConcurrency, FourThreadsTurnOverACommonList) {
  run_lru(0, false);
}
TEST(LruConcurrency, FourThreadsTurnOverOneOverflowingBucket) {
  run_lru(0, true);
}
TEST(LruConcurrency, FourThreadsTurnOverTheirCpusLists) {
  run_lru(bpf::BPF_F_NO_COMMON_LRU, false);
}

struct __attribute__((packed)) Prefix {
  u32 length;
  u8 data[4];
};

// /8 stays, /16 and /24 below it come and go: a look-up always finds one of them, and a whole value.
TEST(LpmConcurrency, TheCoveringPrefixIsAlwaysFound) {
  TestMap<Prefix, Stamp> map(bpf::BPF_MAP_TYPE_LPM_TRIE, 1000, BPF_F_NO_PREALLOC);
  ASSERT_EQ(map.update({8, {10, 0, 0, 0}}, Stamp::of(8, 0)), 0);
  std::atomic<u32> bad{0};
  std::atomic<int> inserted{0};
  std::atomic<int> erased{0};
  on_four_threads([&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
    const u8 second = static_cast<u8>(random() % 4);
    const u8 third = static_cast<u8>(random() % 4);
    const u32 length = random() % 2 ? 16 : 24;
    if (thread < 2) {
      const Stamp* found = map.find(env, {32, {10, second, third, 1}});
      if (found == nullptr) {
        ++bad;
        return;
      }
      std::this_thread::yield();
      bad += !found->whole(8) && !found->whole(16) && !found->whole(24);
    } else if (random() % 2) {
      inserted +=
          map.put(env, {length, {10, second, length == 24 ? third : u8{0}, 0}}, Stamp::of(length, i), BPF_NOEXIST) == 0;
    } else {
      erased += map.remove(env, {length, {10, second, length == 24 ? third : u8{0}, 0}}) == 0;
    }
  });
  EXPECT_EQ(bad, 0U);
  EXPECT_EQ(static_cast<u64>(1 + inserted - erased), map.count());
  EXPECT_EQ(map.keys().size(), map.count());
}

TEST(PercpuConcurrency, CountersOfTheirOwnCpuLoseNoStep) {
  const u32 cpus = base::possible_cpu_count();
  TestMap<u64, u64> map(bpf::BPF_MAP_TYPE_PERCPU_HASH, 16);
  std::vector<u64> zeros(cpus);
  const u64 key = 3;
  ASSERT_EQ(map.ops().update(map.map(), bytes_of(key), std::as_bytes(std::span(zeros)), 0), 0);
  std::vector<std::thread> threads;
  for (u32 cpu = 0; cpu < std::min(cpus, kThreads); ++cpu)
    threads.emplace_back([&, cpu] {
      bpf_env env{};
      env.cpu = cpu;
      for (u32 i = 0; i < kSteps; ++i) ++*map.find(env, key);
    });
  for (auto& thread : threads) thread.join();
  std::vector<u64> values(cpus);
  ASSERT_EQ(map.ops().lookup(map.map(), bytes_of(key), std::as_writable_bytes(std::span(values)), 0), 0);
  for (u32 cpu = 0; cpu < std::min(cpus, kThreads); ++cpu) EXPECT_EQ(values[cpu], kSteps);
}

}  // namespace
}  // namespace maps_test
