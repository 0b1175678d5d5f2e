// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <map>
#include <random>

#include "base/memory.h"
#include "base/percpu.h"
#include "base/reclaim.h"
#include "maps/hash_table.h"
#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

using bpf::BPF_EXIST;
using bpf::BPF_F_NO_PREALLOC;
using bpf::BPF_MAP_TYPE_HASH;
using bpf::BPF_MAP_TYPE_PERCPU_HASH;
using bpf::BPF_NOEXIST;

template <std::size_t N>
using Blob = std::array<u8, N>;

template <class T>
T numbered(u32 n) {
  T t{};
  std::memcpy(t.data(), &n, std::min(sizeof n, t.size()));
  if (t.size() > 8) t.back() = static_cast<u8>(n * 7);
  return t;
}

// Random commands against std::map, for one key and value size.
template <std::size_t KeyBytes, std::size_t ValueBytes>
void run_model(u32 max_entries, u32 keys, u32 flags, u32 seed) {
  using Key = Blob<KeyBytes>;
  using Value = Blob<ValueBytes>;
  TestMap<Key, Value> map(BPF_MAP_TYPE_HASH, max_entries, flags);
  std::map<Key, Value> model;
  std::mt19937 random(seed);
  for (u32 step = 0; step < 20000; ++step) {
    const Key key = numbered<Key>(random() % keys);
    const Value value = numbered<Value>(random());
    const bool there = model.contains(key);
    switch (random() % 6) {
      case 0:
      case 1: {
        const u64 update_flags = random() % 4;
        const int expected = update_flags > BPF_EXIST                ? -EINVAL
                             : there && update_flags == BPF_NOEXIST  ? -EEXIST
                             : !there && update_flags == BPF_EXIST   ? -ENOENT
                             : !there && model.size() == max_entries ? -E2BIG
                                                                     : 0;
        ASSERT_EQ(map.update(key, value, update_flags), expected) << "seed " << seed << " step " << step;
        if (expected == 0) model[key] = value;
        break;
      }
      case 2:
        ASSERT_EQ(map.erase(key), there ? 0 : -ENOENT) << "seed " << seed << " step " << step;
        model.erase(key);
        break;
      case 3: {
        const auto taken = map.take(key);
        ASSERT_EQ(taken.has_value(), there);
        if (there) ASSERT_EQ(*taken, model[key]);
        model.erase(key);
        break;
      }
      default: {
        const auto found = map.lookup(key);
        ASSERT_EQ(found.has_value(), there) << "seed " << seed << " step " << step;
        if (there) ASSERT_EQ(*found, model[key]);
        bpf_env env{};
        Value* value_pointer = map.find(env, key);
        ASSERT_EQ(value_pointer != nullptr, there);
        if (there) ASSERT_EQ(*value_pointer, model[key]);
      }
    }
    ASSERT_EQ(map.count(), model.size());
    if (step % 512 == 0) {
      const auto seen = map.keys();
      ASSERT_EQ(std::set<Key>(seen.begin(), seen.end()).size(), seen.size()) << "a key came twice";
      ASSERT_EQ(seen.size(), model.size());
      for (const auto& k : seen) ASSERT_TRUE(model.contains(k));
    }
  }
}

TEST(Hash, AgreesWithAStdMapForEveryKindOfKeySize) {
  run_model<1, 1>(64, 250, 0, 1);
  run_model<2, 8>(100, 300, 0, 2);
  run_model<4, 4>(1, 3, 0, 3);
  run_model<5, 3>(7, 20, 0, 4);
  run_model<8, 64>(64, 80, 0, 5);
  run_model<13, 9>(128, 200, 0, 6);
  run_model<16, 64>(1000, 1100, 0, 7);
  run_model<40, 1>(300, 310, 0, 8);
  run_model<100, 100>(64, 100, 0, 9);
}

TEST(Hash, AgreesWithAStdMapWithoutPreallocation) {
  run_model<4, 4>(1, 3, BPF_F_NO_PREALLOC, 11);
  run_model<16, 64>(1000, 1100, BPF_F_NO_PREALLOC, 12);
  run_model<13, 9>(128, 200, BPF_F_NO_PREALLOC, 13);
}

// One bucket holds every key: slots, and a long list of overflow lines behind them.
TEST(Hash, KeepsAllKeysWhenTheyFallIntoOneBucket) {
  TestMap<u32, u32> map(BPF_MAP_TYPE_HASH, 4096);
  auto& table = *static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map.head()));
  std::vector<u32> colliding;
  for (u32 key = 0; colliding.size() < 500; ++key)
    if ((maps_hash(&key, sizeof key, table.seed) & table.bucket_mask) == 3) colliding.push_back(key);
  std::map<u32, u32> model;
  std::mt19937 random(21);
  bpf_env env{};
  for (u32 step = 0; step < 30000; ++step) {
    // Climbs to all of them, then down to none, so that lists of every length are changed at every place.
    const bool climbing = step < 15000;
    const u32 key = colliding[random() % colliding.size()];
    if (random() % 4 != 0 ? climbing : !climbing) {
      ASSERT_EQ(map.update(key, step), 0);
      model[key] = step;
    } else {
      ASSERT_EQ(map.erase(key), model.erase(key) != 0 ? 0 : -ENOENT);
    }
    const u32 other = colliding[random() % colliding.size()];
    const u32* found = map.find(env, other);
    ASSERT_EQ(found != nullptr, model.contains(other)) << step;
    if (found != nullptr) ASSERT_EQ(*found, model[other]);
  }
  const auto seen = map.keys();
  EXPECT_EQ(std::set<u32>(seen.begin(), seen.end()).size(), seen.size());
  EXPECT_EQ(seen.size(), model.size());
}

TEST(Hash, FillsToExactlyMaxEntriesAndUpdatesInPlaceWhenFull) {
  for (u32 flags : {0U, static_cast<u32>(BPF_F_NO_PREALLOC)}) {
    TestMap<u64, u64> map(BPF_MAP_TYPE_HASH, 10000, flags);
    for (u64 key = 0; key < 10000; ++key) ASSERT_EQ(map.update(key, key), 0);
    EXPECT_EQ(map.update(10000, 1), -E2BIG);
    for (u64 key = 0; key < 10000; ++key) ASSERT_EQ(map.update(key, key + 1), 0) << "a full map replaces values";
    EXPECT_EQ(map.count(), 10000U);
    for (u64 key = 0; key < 10000; ++key) ASSERT_EQ(map.lookup(key), key + 1);
  }
}

TEST(Hash, AValuePointerStaysWhereItIsWhileOtherKeysComeAndGo) {
  TestMap<u64, u64> map(BPF_MAP_TYPE_HASH, 2000);
  bpf_env env{};
  ASSERT_EQ(map.put(env, 77, 1), 0);
  u64* value = map.find(env, 77);
  for (u64 key = 1000; key < 2500; ++key) ASSERT_EQ(map.put(env, key, key), 0);
  for (u64 key = 1000; key < 2500; ++key) ASSERT_EQ(map.remove(env, key), 0);
  EXPECT_EQ(map.find(env, 77), value);
  EXPECT_EQ(*value, 1U);
}

// A slow worker holds every grace period up; delete and insert go on in a full map.
TEST(Hash, AFullMapWithoutPreallocationTurnsOverBesideASlowReader) {
  auto slow = *base::Reclaim::process().join();
  slow.online();
  TestMap<u64, u64> map(BPF_MAP_TYPE_HASH, 1000, BPF_F_NO_PREALLOC);
  bpf_env env{};
  for (u64 key = 0; key < 1000; ++key) ASSERT_EQ(map.put(env, key, key), 0);
  for (u64 key = 0; key < 100000; ++key) {
    ASSERT_EQ(map.remove(env, key), 0);
    ASSERT_EQ(map.put(env, key + 1000, key), 0) << "no false E2BIG";
  }
  slow.offline();
}

TEST(Hash, ADeletedNodeIsNotReusedBeforeReadersAreQuiescent) {
  auto reader = *base::Reclaim::process().join();
  TestMap<u64, u64> map(BPF_MAP_TYPE_HASH, 100, BPF_F_NO_PREALLOC);
  bpf_env env{};
  reader.online();
  ASSERT_EQ(map.put(env, 1, 111), 0);
  const u64* held = map.find(env, 1);
  ASSERT_EQ(map.remove(env, 1), 0);
  for (u64 key = 10; key < 2000; ++key) {
    ASSERT_EQ(map.put(env, key, key), 0);
    ASSERT_EQ(map.remove(env, key), 0);
  }
  EXPECT_EQ(*held, 111U);
  reader.offline();
}

TEST(Hash, IterationRestartsAtTheFirstKeyForAnUnknownOne) {
  TestMap<u32, u32> map(BPF_MAP_TYPE_HASH, 100);
  u32 next = 0;
  EXPECT_EQ(map.next(nullptr, next), -ENOENT);
  for (u32 key = 1; key <= 50; ++key) map.update(key, key);
  u32 first = 0;
  ASSERT_EQ(map.next(nullptr, first), 0);
  const u32 unknown = 12345;
  ASSERT_EQ(map.next(&unknown, next), 0);
  EXPECT_EQ(next, first);
}

TEST(Hash, IterationThatDeletesBehindItselfMeetsEveryKey) {
  TestMap<u32, u32> map(BPF_MAP_TYPE_HASH, 3000);
  for (u32 key = 0; key < 3000; ++key) map.update(key, key);
  u32 key = 0;
  u32 deleted = 0;
  while (map.next(nullptr, key) == 0) {
    ASSERT_EQ(map.erase(key), 0);
    ++deleted;
  }
  EXPECT_EQ(deleted, 3000U);
}

// A visitor as a compiled program's function would be.
struct Visitor : bpf_callback {
  explicit Visitor(TestMap<u32, u64>& m) : bpf_callback{&visit}, map(m) {}
  static u64 visit(const bpf_callback* self, u64, u64 key, u64, u64 deletes, u64, bpf_env* env) {
    auto& visitor = const_cast<Visitor&>(static_cast<const Visitor&>(*self));
    const u32 copy = *reinterpret_cast<const u32*>(key);
    EXPECT_TRUE(visitor.met.insert(copy).second) << copy << " came twice";
    if (deletes) EXPECT_EQ(visitor.map.remove(*env, copy), 0);
    return 0;
  }
  TestMap<u32, u64>& map;
  std::set<u32> met;
};

TEST(Hash, AWalkThatDeletesMeetsEveryKeyOnceInOneBucketToo) {
  for (const u32 flags : {0U, u32{BPF_F_NO_PREALLOC}}) {
    TestMap<u32, u64> map(BPF_MAP_TYPE_HASH, 100, flags);
    static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map.head()))->bucket_mask = 0;
    bpf_env env{};
    for (u32 key = 0; key < 80; ++key) ASSERT_EQ(map.put(env, key, key), 0);
    Visitor looks(map), deletes(map);
    const auto each = map.head()->runtime->each;
    EXPECT_EQ(each(&env, map.head(), map.head()->shape, &looks, 0, 1), -EINVAL);
    EXPECT_EQ(each(&env, map.head(), map.head()->shape, &looks, 0, 0), 80);
    EXPECT_EQ(looks.met.size(), 80U);
    // What is deleted makes room in front: a walk that notes 32 at a time meets the rest when it comes again.
    u32 walks = 0;
    for (; map.count() != 0 && walks < 5; ++walks) each(&env, map.head(), map.head()->shape, &deletes, 1, 0);
    EXPECT_EQ(deletes.met.size(), 80U);
    EXPECT_LE(walks, 3U);
  }
}

TEST(PercpuHash, AProgramSeesItsOwnCpuAndBpf2AllOfThem) {
  const u32 cpus = base::possible_cpu_count();
  auto map = *make_map(spec_of(BPF_MAP_TYPE_PERCPU_HASH, 4, 12, 100));
  const bpf::MapOps& ops = **bpf::find_map_ops(BPF_MAP_TYPE_PERCPU_HASH);
  bpf_map* head = map->head();
  const u32 key = 5;
  std::vector<u8> all(16 * cpus);
  bpf_env env{};
  env.cpu = cpus - 1;
  Blob<12> mine{};
  mine[0] = 9;
  ASSERT_EQ(head->runtime->update(&env, head, head->shape, &key, mine.data(), 0), 0);
  ASSERT_EQ(ops.lookup(*map, bytes_of(key), std::as_writable_bytes(std::span(all)), 0), 0);
  for (u32 cpu = 0; cpu < cpus; ++cpu) EXPECT_EQ(all[16 * cpu], cpu == env.cpu ? 9 : 0);
  for (u32 cpu = 0; cpu < cpus; ++cpu) all[16 * cpu] = static_cast<u8>(cpu + 1);
  ASSERT_EQ(ops.update(*map, bytes_of(key), std::as_bytes(std::span(all)), BPF_EXIST), 0);
  for (u32 cpu = 0; cpu < cpus; ++cpu) {
    env.cpu = cpu;
    const auto* value = static_cast<u8*>(head->runtime->lookup(&env, head, head->shape, &key));
    ASSERT_NE(value, nullptr);
    EXPECT_EQ(*value, cpu + 1);
    EXPECT_EQ(head->runtime->lookup_percpu(&env, head, head->shape, &key, cpu), value);
  }
  EXPECT_EQ(head->runtime->lookup_percpu(&env, head, head->shape, &key, cpus), nullptr);
}

TEST(Hash, AMapThatDoesNotFitTheBudgetIsRefusedWithBothNumbers) {
  auto& budget = base::MemoryBudget::process();
  const u64 limit = budget.limit();
  budget.set_limit(budget.used() + (u64{64} << 20));
  auto spec = spec_of(BPF_MAP_TYPE_HASH, 16, 1024, 1 << 20);
  spec.name = "flows";
  const auto refused = make_map(spec);
  budget.set_limit(limit);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code(), ENOMEM);
  EXPECT_TRUE(refused.error().what().starts_with("map 'flows' needs 1")) << refused.error().what();
  EXPECT_NE(refused.error().what().find(", 64 MiB of "), std::string::npos) << refused.error().what();
}

TEST(Hash, WithoutPreallocationGrowthStopsAtTheBudgetAndNothingBreaks) {
  auto& budget = base::MemoryBudget::process();
  const u64 limit = budget.limit();
  {
    TestMap<u64, Blob<4096>> map(BPF_MAP_TYPE_HASH, 10000, BPF_F_NO_PREALLOC);
    budget.set_limit(budget.used() + (u64{4} << 20));
    u64 key = 0;
    int result = 0;
    while (result == 0 && key < 10000) result = map.update(key++, {});
    EXPECT_EQ(result, -ENOMEM);
    EXPECT_GT(key, 500U);
    EXPECT_EQ(map.count(), key - 1);
    EXPECT_EQ(map.erase(0), 0);
    EXPECT_EQ(map.update(0, {}), 0);
  }
  budget.set_limit(limit);
}

}  // namespace
}  // namespace maps_test
