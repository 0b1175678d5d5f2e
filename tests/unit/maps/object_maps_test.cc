// SPDX-License-Identifier: Apache-2.0
// Maps that hold objects: ids for programs, and what keeps the objects alive.
#include <atomic>
#include <random>
#include <thread>

#include "base/reclaim.h"
#include "maps/id_array.h"
#include "maps/stack_trace.h"
#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

struct Made {
  std::unique_ptr<bpf::Map> map;
  const bpf::MapOps* ops;

  explicit Made(const bpf::MapSpec& spec) : map(*make_map(spec)), ops(*bpf::find_map_ops(spec.type)) {}
  int put(u32 key, u64 id, std::shared_ptr<const void> keep = nullptr, u64 flags = 0) {
    bpf::MapObject object;
    object.id = id;
    object.keep = std::move(keep);
    return ops->update_object(*map, bytes_of(key), std::move(object), flags);
  }
  base::s64 redirect(bpf_env& env, u64 key, u64 flags) {
    return map->head()->runtime->redirect(&env, map->head(), map->head()->shape, key, flags);
  }
};

TEST(ObjectMaps, AnObjectLivesAsLongAsItsSlotAndAGracePeriod) {
  for (auto type :
       {bpf::BPF_MAP_TYPE_XSKMAP, bpf::BPF_MAP_TYPE_SOCKMAP, bpf::BPF_MAP_TYPE_SOCKHASH,
        bpf::BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY, bpf::BPF_MAP_TYPE_CGROUP_ARRAY}) {
    const bool cookie = type != bpf::BPF_MAP_TYPE_XSKMAP && type != bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY &&
                        type != bpf::BPF_MAP_TYPE_CGROUP_ARRAY;
    Made made(spec_of(type, 4, cookie ? 8 : 4, 4));
    auto first = std::make_shared<int>(1), second = std::make_shared<int>(2);
    ASSERT_EQ(made.put(2, 7, first), 0) << type;
    EXPECT_EQ(first.use_count(), 2);
    ASSERT_EQ(made.put(2, 8, second), 0);
    base::Reclaim::process().synchronize();
    EXPECT_EQ(first.use_count(), 1) << "replaced, but still held";
    EXPECT_EQ(made.ops->entry_count(*made.map), 1U);
    u64 shown = 0;
    const int looked = made.ops->lookup(*made.map, bytes_of(u32{2}),
                                        std::as_writable_bytes(std::span(&shown, 1)).first(cookie ? 8 : 4), 0);
    EXPECT_EQ(looked == 0, cookie) << type;
    if (cookie) EXPECT_EQ(shown, 8U);
    EXPECT_EQ(made.ops->erase(*made.map, bytes_of(u32{2})), 0);
    base::Reclaim::process().synchronize();
    EXPECT_EQ(second.use_count(), 1);
    ASSERT_EQ(made.put(1, 9, first), 0);
    made.map.reset();
    base::Reclaim::process().synchronize();
    EXPECT_EQ(first.use_count(), 1) << "the map is gone, its object is still held";
  }
}

TEST(ObjectMaps, RedirectsNameTheTargetAndMissesTheVerdictInTheFlags) {
  bpf_env env{};
  Made cpus(spec_of(bpf::BPF_MAP_TYPE_CPUMAP, 4, 4, 4));
  EXPECT_EQ(cpus.redirect(env, 0, 2), 2) << "empty: XDP_PASS as the flags say";
  ASSERT_EQ(cpus.put(0, 192), 0);
  EXPECT_EQ(cpus.redirect(env, 0, 2), 4);
  EXPECT_EQ(env.redirect.kind, u32{BPF_REDIRECT_CPU});
  EXPECT_EQ(env.redirect.target, 0U);
  EXPECT_EQ(cpus.redirect(env, 0, bpf::BPF_F_BROADCAST), 0) << "only devices are broadcast to";

  Made xsks(spec_of(bpf::BPF_MAP_TYPE_XSKMAP, 4, 4, 4));
  ASSERT_EQ(xsks.put(3, 55), 0);
  EXPECT_EQ(xsks.redirect(env, 3, 0), 4);
  EXPECT_EQ(env.redirect.kind, u32{BPF_REDIRECT_XSK});
  EXPECT_EQ(env.redirect.target, 55U);
  EXPECT_EQ(xsks.redirect(env, 4, 1), 1);

  Made devices(spec_of(bpf::BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 4));
  ASSERT_EQ(devices.put(0xfffffff0, 12), 0);
  EXPECT_EQ(devices.redirect(env, 0xfffffff0, 0), 4);
  EXPECT_EQ(env.redirect.kind, u32{BPF_REDIRECT_MAP});
  EXPECT_EQ(env.redirect.target, 12U);
  EXPECT_EQ(devices.redirect(env, 1, 0), 0);
  EXPECT_EQ(devices.redirect(env, 1, bpf::BPF_F_BROADCAST), 4) << "a broadcast needs no entry of that key";
}

TEST(Devmap, AnEntryOfAHashNamesItsProgramAsInTheArray) {
  Made devices(spec_of(bpf::BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 4));
  bpf_prog prog{};
  prog.id = 7;
  bpf::MapObject object;
  object.id = 12;
  object.prog = &prog;
  EXPECT_EQ(devices.ops->update_object(*devices.map, bytes_of(u32{1}), object, 0), 0);
  u32 value[2] = {};
  EXPECT_EQ(devices.ops->lookup(*devices.map, bytes_of(u32{1}), std::as_writable_bytes(std::span(value)), 0), 0);
  EXPECT_EQ(value[0], 12U);
  EXPECT_EQ(value[1], 7U);
  bpf_env env{};
  bpf_map* head = devices.map->head();
  EXPECT_EQ(head->runtime->redirect(&env, head, head->shape, 1, 0), 4);
  EXPECT_EQ(env.redirect.target, 12U);
  EXPECT_EQ(env.redirect.map_id, 7U);
  EXPECT_TRUE(env.redirect.flags & BPF_REDIRECT_ENTRY_PROG);
}

// Readers beside a writer that takes the one slot away and gives it to another key, again and again: a key that stays
// is always found, and no look-up gives another key's id.
TEST(ObjectMapsConcurrency, AKeyThatStaysIsFoundBesideOthersThatComeAndGo) {
  Made made(spec_of(bpf::BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 16));
  for (u32 key = 0; key < 8; ++key) ASSERT_EQ(made.put(key, key + 1), 0);
  std::atomic<bool> over{false};
  std::atomic<u32> missed{0}, wrong{0};
  std::vector<std::thread> readers;
  for (u32 t = 0; t < 2; ++t)
    readers.emplace_back([&, t] {
      auto reader = *base::Reclaim::process().join();
      reader.online();
      std::mt19937 random(t);
      bpf_env env{};
      while (!over) {
        const u32 key = random() % 24;
        const auto* entry = static_cast<const u64*>(
            made.map->head()->runtime->lookup(&env, made.map->head(), made.map->head()->shape, &key));
        if (entry == nullptr)
          missed += key < 8;
        else if (const u64 id = __atomic_load_n(entry, __ATOMIC_RELAXED); key < 8)
          wrong += id != key + 1;
        reader.quiescent();
      }
      reader.offline();
    });
  for (u32 i = 0; i < 20000; ++i) {
    const u32 key = 8 + i % 16;
    made.put(key, key + 1);
    made.ops->erase(*made.map, bytes_of(8 + (i + 9) % 16));
    if (i % 64 == 0) std::this_thread::yield();
  }
  over = true;
  for (auto& thread : readers) thread.join();
  EXPECT_EQ(missed, 0U);
  EXPECT_EQ(wrong, 0U);
}

TEST(StackTrace, EqualStacksShareANumberAndADifferentOneInTheSlotIsRefused) {
  auto made = *make_map(spec_of(bpf::BPF_MAP_TYPE_STACK_TRACE, 4, 4 * 8, 1));
  auto& map = static_cast<maps::StackTraceMap&>(*made);
  const auto& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_STACK_TRACE);
  const u64 one[] = {1, 2, 3}, other[] = {4, 5}, deep[] = {1, 2, 3, 4, 5, 6};
  const int number = map.collect(one, 0);
  ASSERT_EQ(number, 0);
  EXPECT_EQ(map.collect(one, 0), number);
  EXPECT_EQ(map.collect(other, 0), -EEXIST);
  u64 value[4] = {9, 9, 9, 9};
  const u32 key = 0;
  ASSERT_EQ(ops.lookup(map, bytes_of(key), std::as_writable_bytes(std::span(value)), 0), 0);
  EXPECT_EQ((std::vector<u64>(value, value + 4)), (std::vector<u64>{1, 2, 3, 0})) << "zeros behind the last frame";
  EXPECT_EQ(map.collect(deep, bpf::BPF_F_REUSE_STACKID), 0);
  ASSERT_EQ(ops.lookup_and_delete(map, bytes_of(key), std::as_writable_bytes(std::span(value)), 0), 0);
  EXPECT_EQ((std::vector<u64>(value, value + 4)), (std::vector<u64>{1, 2, 3, 4})) << "cut at what a value holds";
  EXPECT_EQ(ops.erase(map, bytes_of(key)), -ENOENT);
}

TEST(Storages, AreMadeWithTypesOnly) {
  for (auto type : {bpf::BPF_MAP_TYPE_SK_STORAGE, bpf::BPF_MAP_TYPE_INODE_STORAGE, bpf::BPF_MAP_TYPE_TASK_STORAGE,
                    bpf::BPF_MAP_TYPE_CGRP_STORAGE}) {
    auto spec = spec_of(type, 4, 8, 0, bpf::BPF_F_NO_PREALLOC);
    EXPECT_EQ(make_map(spec).error().code(), EINVAL);
    spec.typed = true;
    EXPECT_TRUE(make_map(spec).ok()) << type;
  }
  EXPECT_TRUE(make_map(spec_of(bpf::BPF_MAP_TYPE_CGROUP_STORAGE, 16, 8, 0)).ok());
  EXPECT_TRUE(make_map(spec_of(bpf::BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE, 8, 8, 0)).ok());
}

}  // namespace
}  // namespace maps_test
