// SPDX-License-Identifier: Apache-2.0
// types_concurrency_test.cc — four threads on each of the types whose protocol is not the hash table's alone: arrays,
// per-CPU hashes, maps of maps, hashes of devices, bloom filters. Frame and yields: tests/unit/maps/four_threads.h.
#include "tests/unit/maps/four_threads.h"

namespace maps_test {
namespace {

using bpf::BPF_EXIST;
using bpf::BPF_NOEXIST;

const u32 kFewSteps = kSteps / 6;

TEST(ArrayConcurrency, AReaderSeesEachWordOldOrNew) {
  struct Pair {
    u64 first, second;
  };
  TestMap<u32, Pair> map(bpf::BPF_MAP_TYPE_ARRAY, 2);
  const auto twice = [](u64 n) { return n << 32 | n; };
  const auto whole = [](u64 word) { return word >> 32 == static_cast<u32>(word); };
  std::atomic<u32> torn{0}, failed{0};
  on_four_threads(
      [&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
        const u32 key = random() % 2;
        if (thread == 0) {
          failed += map.put(env, key, {twice(i), twice(i + 1)}, BPF_EXIST) != 0;
        } else if (thread == 1) {
          failed += map.update(key, {twice(i), twice(i + 2)}) != 0;
        } else {
          const auto value = map.lookup(key);
          torn += !value || !whole(value->first) || !whole(value->second);
        }
      },
      kFewSteps);
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(failed, 0U);
}

// A new key begins with zeros on the other CPUs, whatever its node held before; and each key is there once.
void run_percpu(bpf::bpf_map_type type, u32 flags) {
  constexpr u64 kKeys = 40;
  TestMap<u64, u64> map(type, 64, flags);
  std::atomic<int> inserted[kKeys] = {}, erased[kKeys] = {};
  std::atomic<u32> failed{0};
  on_four_threads(
      [&](u32, bpf_env& env, std::mt19937& random, u32) {
        const u64 key = random() % kKeys;
        const u32 choice = random() % 4;
        if (choice == 0)
          inserted[key] += map.put(env, key, key + 1, BPF_NOEXIST) == 0;
        else if (choice == 1)
          erased[key] += map.remove(env, key) == 0;
        else if (choice == 2)
          map.put(env, key, key + 1, BPF_EXIST);
        else if (const u64* value = map.find(env, key))
          failed += __atomic_load_n(value, __ATOMIC_RELAXED) > kKeys;
      },
      kFewSteps);
  EXPECT_EQ(failed, 0U) << "a value that nobody stored";
  const auto keys = map.keys();
  const std::set<u64> present(keys.begin(), keys.end());
  EXPECT_EQ(present.size(), keys.size()) << "a key came twice";
  for (u64 key = 0; key < kKeys; ++key) ASSERT_EQ(inserted[key] - erased[key], present.contains(key) ? 1 : 0) << key;
  std::vector<u64> values(base::possible_cpu_count());
  for (u64 key : keys) {
    ASSERT_EQ(map.ops().lookup(map.map(), bytes_of(key), std::as_writable_bytes(std::span(values)), 0), 0);
    for (u64 value : values) EXPECT_TRUE(value == 0 || value == key + 1) << "key " << key << ": " << value;
  }
}

TEST(PercpuHashConcurrency, EveryInsertAndEraseIsAccountedFor) {
  run_percpu(bpf::BPF_MAP_TYPE_PERCPU_HASH, 0);
}
TEST(PercpuHashConcurrency, EveryInsertAndEraseIsAccountedForWithoutPreallocation) {
  run_percpu(bpf::BPF_MAP_TYPE_PERCPU_HASH, bpf::BPF_F_NO_PREALLOC);
}

// Two threads put new inner maps in place and take them out, two look into what they find: it is alive until they are
// quiescent. The last owner of an inner map spoils its element.
void run_nest(bpf::bpf_map_type type) {
  constexpr u64 kAlive = 77, kDead = 13;
  const auto array = spec_of(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, 1);
  const bpf::MapOps& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_ARRAY);
  const u32 zero = 0;
  const auto fill = [&](bpf::Map& map, const u64& value) { ops.update(map, bytes_of(zero), bytes_of(value), 0); };
  const auto make_inner = [&] {
    std::shared_ptr<bpf::Map> inner(make_map(array)->release(), [&](bpf::Map* map) {
      fill(*map, kDead);
      delete map;
    });
    fill(*inner, kAlive);
    return inner;
  };
  bpf::MapSpec spec = spec_of(type, 4, 4, 8);
  spec.inner = std::make_shared<const bpf::MapSpec>(array);
  const auto outer = *make_map(spec);
  const bpf::MapOps& outer_ops = **bpf::find_map_ops(type);
  bpf_map* head = outer->head();
  std::atomic<u32> dead{0}, failed{0}, looked{0};
  const auto put = [&](u32 key) {
    auto inner = make_inner();
    bpf::MapObject object{.map = inner.get(), .keep = inner};
    return outer_ops.update_object(*outer, bytes_of(key), std::move(object), 0);
  };
  for (u32 key = 0; key < 4; ++key) ASSERT_EQ(put(key), 0);
  on_four_threads(
      [&](u32 thread, bpf_env& env, std::mt19937& random, u32) {
        const u32 key = random() % 4;
        if (thread < 2 && random() % 3 != 0) {
          failed += put(key) != 0;
        } else if (thread < 2) {
          const int result = outer_ops.erase(*outer, bytes_of(key));
          failed += result != 0 && result != -ENOENT;
        } else if (auto* inner = static_cast<bpf_map*>(head->runtime->lookup(&env, head, head->shape, &key))) {
          ++looked;
          std::this_thread::yield();
          const auto* value = static_cast<const u64*>(inner->runtime->lookup(&env, inner, inner->shape, &zero));
          dead += __atomic_load_n(value, __ATOMIC_RELAXED) != kAlive;
        }
      },
      kSteps / 60);
  EXPECT_EQ(failed, 0U);
  EXPECT_EQ(dead, 0U) << "an inner map was gone in a reader's hands";
  EXPECT_GT(looked, 0U);
  base::Reclaim::process().synchronize();
}

TEST(MapOfMapsConcurrency, AnInnerMapOfAnArrayLivesAsLongAsItsReaders) {
  run_nest(bpf::BPF_MAP_TYPE_ARRAY_OF_MAPS);
}
TEST(MapOfMapsConcurrency, AnInnerMapOfAHashLivesAsLongAsItsReaders) {
  run_nest(bpf::BPF_MAP_TYPE_HASH_OF_MAPS);
}

// Ids tell whose they are: what a look-up finds is an id that the key had.
TEST(DevmapHashConcurrency, ALookUpFindsADeviceOfItsKey) {
  constexpr u32 kKeys = 24;
  const auto map = *make_map(spec_of(bpf::BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 256));
  const bpf::MapOps& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_DEVMAP_HASH);
  bpf_map* head = map->head();
  std::atomic<u32> foreign{0}, failed{0}, found{0};
  const auto put = [&](u32 key, u32 number) {
    bpf::MapObject object;
    object.id = (key + 1) * 16 + number % 16;
    return ops.update_object(*map, bytes_of(key), std::move(object), 0);
  };
  for (u32 key = 0; key < kKeys; ++key) ASSERT_EQ(put(key, key), 0);
  on_four_threads(
      [&](u32 thread, bpf_env& env, std::mt19937& random, u32) {
        const u32 key = random() % kKeys;
        if (thread < 2 && random() % 2) {
          failed += put(key, random()) != 0;
        } else if (thread < 2) {
          const int result = ops.erase(*map, bytes_of(key));
          failed += result != 0 && result != -ENOENT;
        } else if (const auto* id = static_cast<const u32*>(head->runtime->lookup(&env, head, head->shape, &key))) {
          ++found;
          const u32 device = __atomic_load_n(id, __ATOMIC_RELAXED);
          foreign += device != 0 && device / 16 != key + 1;
        }
      },
      kFewSteps);
  EXPECT_EQ(failed, 0U);
  EXPECT_EQ(foreign, 0U);
  EXPECT_GT(found, 0U);
}

TEST(BloomConcurrency, WhatWasPushedIsThere) {
  const auto map = *make_map(spec_of(bpf::BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4 * kFewSteps));
  bpf_map* head = map->head();
  std::atomic<u32> missed{0};
  on_four_threads(
      [&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
        u64 value = u64{thread} << 32 | i;
        missed += head->runtime->push(&env, head, head->shape, &value, 0) != 0;
        value = u64{thread} << 32 | random() % (i + 1);
        missed += head->runtime->peek(&env, head, head->shape, &value) != 0;
      },
      kFewSteps);
  EXPECT_EQ(missed, 0U);
}

}  // namespace
}  // namespace maps_test
