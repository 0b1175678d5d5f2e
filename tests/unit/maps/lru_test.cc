// SPDX-License-Identifier: Apache-2.0
// What an LRU map promises, whoever is evicted: never more than max_entries, never fewer than it need be, never an
// update refused for want of room, and what is used stays.
#include <map>
#include <random>

#include "base/percpu.h"
#include "maps/hash_table.h"
#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

using bpf::BPF_F_NO_COMMON_LRU;
using bpf::BPF_MAP_TYPE_LRU_HASH;
using bpf::BPF_MAP_TYPE_LRU_PERCPU_HASH;

TEST(LruHash, TakesEveryNewKeyAndLetsOneOldOneGo) {
  for (u32 max_entries : {1U, 2U, 3U, 8U, 100U, 5000U}) {
    TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_HASH, max_entries);
    for (u64 key = 0; key < max_entries; ++key) ASSERT_EQ(map.update(key, key), 0);
    EXPECT_EQ(map.count(), max_entries) << "nothing goes before the map is full";
    for (u64 key = max_entries; key < 4 * max_entries + 100; ++key) {
      ASSERT_EQ(map.update(key, key * 3), 0) << max_entries;
      ASSERT_EQ(map.lookup(key), key * 3) << "the new one is there";
      ASSERT_EQ(map.count(), max_entries);
    }
    const auto keys = map.keys();
    EXPECT_EQ(std::set<u64>(keys.begin(), keys.end()).size(), max_entries);
  }
}

TEST(LruHash, KeepsWhatProgramsLookUpWhileOthersPassThrough) {
  constexpr u32 kHot = 100;
  TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_HASH, 1000);
  bpf_env env{};
  for (u64 key = 0; key < kHot; ++key) ASSERT_EQ(map.put(env, key, key), 0);
  u32 missed = 0;
  for (u64 cold = 1000; cold < 21000; ++cold) {
    ASSERT_EQ(map.put(env, cold, cold), 0);
    const u64 hot = cold % kHot;
    if (map.find(env, hot) == nullptr) ++missed;
  }
  EXPECT_EQ(missed, 0U) << "20,000 keys that came once have driven out what was in use";
}

TEST(LruHash, ALookUpFromBpf2IsNoUse) {
  TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_HASH, 4);
  for (u64 key = 0; key < 4; ++key) ASSERT_EQ(map.update(key, key), 0);
  for (u64 cold = 10; cold < 20; ++cold) {
    map.lookup(0);
    ASSERT_EQ(map.update(cold, cold), 0);
  }
  EXPECT_FALSE(map.lookup(0).has_value());
}

TEST(LruHash, AValueInHandIsNotTheReplacement) {
  TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_HASH, 16);
  bpf_env env{};
  ASSERT_EQ(map.put(env, 1, 10), 0);
  const u64* held = map.find(env, 1);
  ASSERT_EQ(map.put(env, 1, 11), 0);
  EXPECT_EQ(*held, 10U) << "an update puts a new element in the old one's place, as in Linux";
  EXPECT_EQ(*map.find(env, 1), 11U);
}

TEST(LruHash, DeletedEntriesAreRoomForNewOnes) {
  TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_HASH, 64);
  for (u64 key = 0; key < 64; ++key) ASSERT_EQ(map.update(key, key), 0);
  for (u64 key = 0; key < 32; ++key) ASSERT_EQ(map.erase(key), 0);
  for (u64 key = 100; key < 132; ++key) ASSERT_EQ(map.update(key, key), 0);
  for (u64 key = 32; key < 64; ++key) EXPECT_TRUE(map.lookup(key).has_value()) << "there was room without it: " << key;
}

// All keys in one bucket: victims are taken out of overflow lists.
TEST(LruHash, EvictsFromOverflowLists) {
  TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_HASH, 64);
  static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map.head()))->bucket_mask = 0;
  for (u64 key = 0; key < 1000; ++key) {
    ASSERT_EQ(map.update(key, key), 0);
    ASSERT_EQ(map.lookup(key), key);
  }
  EXPECT_EQ(map.count(), 64U);
  EXPECT_EQ(map.keys().size(), 64U);
}

TEST(LruHash, RoundsMaxEntriesUpToEqualSharesOfTheCpus) {
  const u32 cpus = base::possible_cpu_count();
  TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_HASH, cpus + 1, BPF_F_NO_COMMON_LRU);
  EXPECT_EQ(map.map().spec().max_entries, 2 * cpus);
  TestMap<u64, u64> common(BPF_MAP_TYPE_LRU_HASH, cpus + 1);
  EXPECT_EQ(common.map().spec().max_entries, cpus + 1);
}

TEST(LruHash, ACpuWithItsOwnShareEvictsNobodyElse) {
  const u32 cpus = base::possible_cpu_count();
  if (cpus < 2) GTEST_SKIP() << "one possible CPU has no neighbour";
  TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_HASH, 100 * cpus, BPF_F_NO_COMMON_LRU);
  bpf_env first{}, second{};
  second.cpu = 1;
  for (u64 key = 0; key < 100; ++key) ASSERT_EQ(map.put(first, key, key), 0);
  for (u64 key = 1000; key < 3000; ++key) ASSERT_EQ(map.put(second, key, key), 0);
  for (u64 key = 0; key < 100; ++key) ASSERT_EQ(map.lookup(key), key);
  EXPECT_EQ(map.count(), 200U) << "one share is full, the other turned over inside its own";
  for (u64 key = 0; key < 100; ++key) ASSERT_EQ(map.put(second, key, key + 1), 0) << "another CPU's entry is replaced";
  EXPECT_EQ(map.count(), 200U);
}

TEST(LruPercpuHash, NewKeysBeginWithZerosOnOtherCpusWhoeverHadTheNode) {
  const u32 cpus = base::possible_cpu_count();
  TestMap<u64, u64> map(BPF_MAP_TYPE_LRU_PERCPU_HASH, 8);
  bpf_env env{};
  for (u64 key = 0; key < 200; ++key) {
    std::vector<u64> values(cpus, ~key);
    ASSERT_EQ(map.ops().update(map.map(), bytes_of(key), std::as_bytes(std::span(values)), 0), 0);
  }
  for (u64 key = 1000; key < 1200; ++key) {
    ASSERT_EQ(map.put(env, key, key), 0);
    std::vector<u64> values(cpus);
    ASSERT_EQ(map.ops().lookup(map.map(), bytes_of(key), std::as_writable_bytes(std::span(values)), 0), 0);
    EXPECT_EQ(values[0], key);
    for (u32 cpu = 1; cpu < cpus; ++cpu) ASSERT_EQ(values[cpu], 0U);
    ASSERT_EQ(map.count(), 8U);
  }
}

TEST(LruHash, AgreesWithAStdMapAboutEveryKeyItStillHas) {
  for (u32 flags : {0U, static_cast<u32>(BPF_F_NO_COMMON_LRU)}) {
    TestMap<u32, u64> map(BPF_MAP_TYPE_LRU_HASH, 128, flags);
    std::map<u32, u64> last;
    std::mt19937 random(5);
    for (u32 step = 0; step < 50000; ++step) {
      const u32 key = random() % 400;
      switch (random() % 4) {
        case 0:
        case 1:
          ASSERT_EQ(map.update(key, step), 0);
          last[key] = step;
          break;
        case 2:
          map.erase(key);
          last.erase(key);
          break;
        default:
          if (const auto found = map.lookup(key)) {
            ASSERT_TRUE(last.contains(key));
            ASSERT_EQ(*found, last[key]);
          }
      }
      ASSERT_LE(map.count(), 128U);
    }
    EXPECT_EQ(map.keys().size(), map.count());
  }
}

}  // namespace
}  // namespace maps_test
