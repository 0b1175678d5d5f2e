// SPDX-License-Identifier: Apache-2.0
// lock_test.cc — values with a bpf_spin_lock under four threads: what was read under the lock was written under it, and
// belongs to the key. Yields lie between the words of a copy (maps/test_point.h).
#include "bpf/abi/host/spin_lock.h"
#include "maps/hash_table.h"
#include "maps/test_point.h"
#include "tests/unit/maps/four_threads.h"

namespace maps_test {
namespace {

using bpf::BPF_F_LOCK;
using bpf::BPF_F_NO_PREALLOC;
using bpf::BPF_NOEXIST;

const u32 kLockSteps = kSteps / 8;  // who waits for a lock gives its CPU away

struct Locked {
  u64 key = 0;
  u32 lock = 0;
  u32 low = 0;  // shares a word with the lock
  Stamp stamp;
  static Locked of(u64 key, u64 number) { return {key, 0x5a5a5a5a, static_cast<u32>(number), Stamp::of(key, number)}; }
  bool whole(u64 for_key) const {
    return lock == 0 && key == for_key && low == static_cast<u32>(stamp.number) && stamp.whole(for_key);
  }
};

std::shared_ptr<const bpf_value_fields> lock_field() {
  auto fields = std::make_shared<bpf_value_fields>();
  fields->count = 1;
  fields->lock = offsetof(Locked, lock);
  fields->at[0] = {offsetof(Locked, lock), 4, 0};
  return fields;
}

// What a program does between bpf_spin_lock and bpf_spin_unlock: the value gets the next number, and stays its key's.
void count_one(Locked& value) {
  bpf_lock_word(&value.lock);
  const auto get = [](const u64& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); };
  const Stamp next = Stamp::of(get(value.stamp.key), get(value.stamp.number) + 1);
  __atomic_store_n(&value.low, static_cast<u32>(next.number), __ATOMIC_RELAXED);
  maps::test_point();
  __atomic_store_n(&value.stamp.number, next.number, __ATOMIC_RELAXED);
  maps::test_point();
  __atomic_store_n(&value.stamp.check, next.check, __ATOMIC_RELAXED);
  bpf_unlock_word(&value.lock);
}

TEST(Lock, ProgramsLoseNoStep) {
  TestMap<u32, Locked> map(bpf::BPF_MAP_TYPE_ARRAY, 1, 0, lock_field());
  const u32 key = 0;
  ASSERT_EQ(map.update(key, Locked::of(0, 0)), 0);
  on_four_threads([&](u32, bpf_env& env, std::mt19937&, u32) { count_one(*map.find(env, key)); }, kLockSteps);
  const auto value = map.lookup(key, BPF_F_LOCK);
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ(value->stamp.number, u64{kThreads} * kLockSteps);
  EXPECT_TRUE(value->whole(0));
}

TEST(Lock, TwoWritersOfAnArrayAndReadersSeeNoTornValue) {
  TestMap<u32, Locked> map(bpf::BPF_MAP_TYPE_ARRAY, 4, 0, lock_field());
  for (u32 key = 0; key < 4; ++key) ASSERT_EQ(map.update(key, Locked::of(key, 0)), 0);
  std::atomic<u32> torn{0}, failed{0};
  on_four_threads(
      [&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
        const u32 key = random() % 4;
        if (thread == 0) {
          failed += map.update(key, Locked::of(key, i), BPF_F_LOCK) != 0;
        } else if (thread == 1) {
          if (i % 2)
            failed += map.put(env, key, Locked::of(key, i), BPF_F_LOCK) != 0;
          else
            count_one(*map.find(env, key));
        } else {
          const auto value = map.lookup(key, BPF_F_LOCK);
          torn += !value || !value->whole(key);
        }
      },
      kLockSteps);
  EXPECT_EQ(failed, 0U);
  EXPECT_EQ(torn, 0U);
}

// Writers in place, a program that holds values, one that deletes and inserts, and readers of every kind.
void run_hash(u32 flags, bool one_bucket) {
  constexpr u64 kKeys = 24;
  TestMap<u64, Locked> map(bpf::BPF_MAP_TYPE_HASH, 32, flags, lock_field());
  if (one_bucket) static_cast<maps::HashTable*>(reinterpret_cast<hash_map*>(map.head()))->bucket_mask = 0;
  std::atomic<u32> torn{0}, failed{0};
  on_four_threads(
      [&](u32 thread, bpf_env& env, std::mt19937& random, u32 i) {
        const u64 key = random() % kKeys;
        switch (thread) {
          case 0:
            if (i % 2)
              failed += map.put(env, key, Locked::of(key, i), BPF_F_LOCK) != 0;
            else if (Locked* value = map.find(env, key))
              count_one(*value);
            return;
          case 1:
            failed += map.update(key, Locked::of(key, i), BPF_F_LOCK) != 0;
            return;
          case 2:
            if (random() % 2) {
              if (const auto value = map.lookup(key, BPF_F_LOCK)) torn += !value->whole(key);
            } else {
              Locked value;
              u64 found = 0, cursor = random() % 8 << 32;
              if (map.ops().scan(map.map(), cursor, false, std::as_writable_bytes(std::span(&found, 1)),
                                 std::as_writable_bytes(std::span(&value, 1)), BPF_F_LOCK) == 0)
                torn += !value.whole(found);
            }
            return;
          default:
            if (random() % 3 == 0) {
              if (const auto value = map.take(key, BPF_F_LOCK)) torn += !value->whole(key);
            } else if (random() % 2) {
              map.remove(env, key);
            } else {
              const auto result = map.put(env, key, Locked::of(key, i), BPF_NOEXIST | (i % 2 ? u64{BPF_F_LOCK} : 0));
              failed += result != 0 && result != -EEXIST;
            }
        }
      },
      kLockSteps);
  EXPECT_EQ(failed, 0U);
  EXPECT_EQ(torn, 0U) << "a value of two updates, or of another key, or with its lock's word";
  for (u64 key : map.keys()) {
    const auto value = map.lookup(key, BPF_F_LOCK);
    ASSERT_TRUE(value.has_value());
    EXPECT_TRUE(value->whole(key));
  }
}

TEST(Lock, AHashMapsElementsAreWholeUnderTheirLocks) {
  run_hash(0, false);
}
TEST(Lock, SoAreThoseOfAnOverflowingBucket) {
  run_hash(0, true);
}
TEST(Lock, SoAreThoseThatAreNotPreallocated) {
  run_hash(BPF_F_NO_PREALLOC, false);
}

}  // namespace
}  // namespace maps_test
