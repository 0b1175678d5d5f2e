// SPDX-License-Identifier: Apache-2.0
#include "maps/array.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <random>

#include "base/percpu.h"
#include "base/reclaim.h"
#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

TEST(Array, AgreesWithAVector) {
  TestMap<u32, u64> map(bpf::BPF_MAP_TYPE_ARRAY, 100);
  std::vector<u64> model(100);
  std::mt19937_64 random(1);
  bpf_env env{};
  for (u32 step = 0; step < 20000; ++step) {
    const u32 index = random() % 110;
    const u64 flags = random() % 5;
    const int expected = flags >= 3 ? -EINVAL : index >= 100 ? -E2BIG : flags == bpf::BPF_NOEXIST ? -EEXIST : 0;
    const u64 value = random();
    ASSERT_EQ(map.update(index, value, flags), expected);
    if (expected == 0) model[index] = value;
    const u64* found = map.find(env, index);
    ASSERT_EQ(found != nullptr, index < 100);
    if (found != nullptr) ASSERT_EQ(*found, model[index]);
    ASSERT_EQ(map.lookup(index).has_value(), index < 100);
  }
  EXPECT_EQ(map.erase(1), -EINVAL) << "elements of an array are never deleted";
  EXPECT_EQ(map.take(1), std::nullopt);
  EXPECT_EQ(map.keys().size(), 100U);
  const u32 beyond = 4000000000;
  u32 next = 7;
  EXPECT_EQ(map.next(&beyond, next), 0);
  EXPECT_EQ(next, 0U);
}

TEST(Array, OddValueSizesKeepTheirNeighboursWhole) {
  using Value = std::array<u8, 13>;
  TestMap<u32, Value> map(bpf::BPF_MAP_TYPE_ARRAY, 3);
  Value ones;
  ones.fill(0xff);
  ASSERT_EQ(map.update(1, ones), 0);
  EXPECT_EQ(map.lookup(0), Value{});
  EXPECT_EQ(map.lookup(1), ones);
  EXPECT_EQ(map.lookup(2), Value{});
}

TEST(Array, ASingleElementHasAnAddressForPrograms) {
  auto map = *make_map(spec_of(bpf::BPF_MAP_TYPE_ARRAY, 4, 100, 1));
  const auto& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_ARRAY);
  bpf_env env{};
  const u32 zero = 0;
  const auto* value = map->head()->runtime->lookup(&env, map->head(), map->head()->shape, &zero);
  EXPECT_EQ(*ops.direct_value(*map, 8), reinterpret_cast<u64>(value) + 8);
  EXPECT_EQ(ops.direct_value(*map, 100).error().code(), EINVAL);
  auto two = *make_map(spec_of(bpf::BPF_MAP_TYPE_ARRAY, 4, 100, 2));
  EXPECT_FALSE(ops.direct_value(*two, 0).ok());
}

TEST(Array, MmapableValuesAreSealedWholePagesThatAClientSees) {
  auto map = *make_map(spec_of(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, 3, bpf::BPF_F_MMAPABLE));
  const int fd = static_cast<maps::ArrayObject&>(*map).memory_fd();
  ASSERT_GE(fd, 0);
  EXPECT_NE(ftruncate(fd, 0), 0) << "a client cannot pull the memory away under a worker";
  auto* client = static_cast<u64*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
  ASSERT_NE(client, MAP_FAILED);
  client[2] = 77;
  u64 value = 0;
  const u32 two = 2;
  const auto& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_ARRAY);
  ASSERT_EQ(ops.lookup(*map, bytes_of(two), std::as_writable_bytes(std::span(&value, 1)), 0), 0);
  EXPECT_EQ(value, 77U);
  munmap(client, 4096);
}

TEST(PercpuArray, EveryCpuHasItsOwnElementOnItsOwnLines) {
  const u32 cpus = base::possible_cpu_count();
  auto map = *make_map(spec_of(bpf::BPF_MAP_TYPE_PERCPU_ARRAY, 4, 4, 3));
  const auto& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_PERCPU_ARRAY);
  bpf_map* head = map->head();
  const u32 key = 2;
  std::vector<u64> all(cpus);
  for (u32 cpu = 0; cpu < cpus; ++cpu) all[cpu] = 100 + cpu;
  ASSERT_EQ(ops.update(*map, bytes_of(key), std::as_bytes(std::span(all)), 0), 0);
  u64 last = 0;
  for (u32 cpu = 0; cpu < cpus; ++cpu) {
    bpf_env env{};
    env.cpu = cpu;
    auto* value = static_cast<u32*>(head->runtime->lookup(&env, head, head->shape, &key));
    EXPECT_EQ(*value, 100 + cpu);
    if (cpu > 0) EXPECT_GE(reinterpret_cast<u64>(value) - last, base::kCacheLine);
    last = reinterpret_cast<u64>(value);
    const u32 mine = 200 + cpu;
    ASSERT_EQ(head->runtime->update(&env, head, head->shape, &key, &mine, 0), 0);
  }
  ASSERT_EQ(ops.lookup(*map, bytes_of(key), std::as_writable_bytes(std::span(all)), 0), 0);
  for (u32 cpu = 0; cpu < cpus; ++cpu) EXPECT_EQ(all[cpu], 200 + cpu);
}

struct FakeProg {
  bpf_prog prog{};
  explicit FakeProg(u32 id) { prog.id = id; }
};

TEST(ProgArray, KeepsAReplacedProgramUntilReadersAreQuiescent) {
  auto map = *make_map(spec_of(bpf::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 8));
  const auto& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_PROG_ARRAY);
  auto reader = *base::Reclaim::process().join();
  auto first = std::make_shared<FakeProg>(11);
  auto second = std::make_shared<FakeProg>(12);
  std::weak_ptr<FakeProg> watch = first;
  const u32 key = 3;
  u32 id = 0;
  EXPECT_EQ(ops.lookup(*map, bytes_of(key), std::as_writable_bytes(std::span(&id, 1)), 0), -ENOENT);
  ASSERT_EQ(ops.update_object(*map, bytes_of(key), {.prog = &first->prog, .keep = first, .id = 11}, 0), 0);
  ASSERT_EQ(ops.lookup(*map, bytes_of(key), std::as_writable_bytes(std::span(&id, 1)), 0), 0);
  EXPECT_EQ(id, 11U);
  first.reset();
  reader.online();
  const auto* array = reinterpret_cast<bpf_prog_array*>(map->head());
  const bpf_prog* running = array->slots[key];
  ASSERT_EQ(ops.update_object(*map, bytes_of(key), {.prog = &second->prog, .keep = second, .id = 12}, 0), 0);
  EXPECT_EQ(array->slots[key], &second->prog);
  base::Reclaim::process().poll();
  ASSERT_FALSE(watch.expired()) << "a worker may still run it";
  EXPECT_EQ(running->id, 11U);
  reader.quiescent();
  base::Reclaim::process().poll();
  EXPECT_TRUE(watch.expired());
  reader.offline();
  EXPECT_EQ(ops.erase(*map, bytes_of(key)), 0);
  EXPECT_EQ(ops.erase(*map, bytes_of(key)), -ENOENT);
  const u32 beyond = 8;
  EXPECT_EQ(ops.erase(*map, bytes_of(beyond)), -E2BIG);
  EXPECT_EQ(ops.update_object(*map, bytes_of(beyond), {.prog = &second->prog, .keep = second, .id = 12}, 0), -E2BIG);
  EXPECT_EQ(ops.update_object(*map, bytes_of(key), {.prog = &second->prog, .keep = second, .id = 12}, bpf::BPF_NOEXIST),
            -EINVAL);
}

TEST(Devmap, RedirectGivesTheEntryOrTheVerdictInTheFlags) {
  auto map = *make_map(spec_of(bpf::BPF_MAP_TYPE_DEVMAP, 4, 4, 4));
  const auto& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_DEVMAP);
  bpf_map* head = map->head();
  head->id = 5;
  const u32 key = 1;
  ASSERT_EQ(ops.update_object(*map, bytes_of(key), {.id = 42}, 0), 0);
  bpf_env env{};
  const auto redirect = [&](u64 index, u64 flags) {
    env.redirect = {99, 99, 99, 99};
    return head->runtime->redirect(&env, head, head->shape, index, flags);
  };
  EXPECT_EQ(redirect(1, bpf::XDP_DROP), bpf::XDP_REDIRECT);
  EXPECT_EQ(env.redirect.kind, static_cast<u32>(BPF_REDIRECT_MAP));
  EXPECT_EQ(env.redirect.target, 42U);
  EXPECT_EQ(env.redirect.map_id, 5U);
  for (u64 verdict : {0, 1, 2, 3}) {
    EXPECT_EQ(redirect(2, verdict), static_cast<base::s64>(verdict));
    EXPECT_EQ(env.redirect.kind, static_cast<u32>(BPF_REDIRECT_NONE));
    EXPECT_EQ(redirect(4000000000, verdict), static_cast<base::s64>(verdict));
  }
  EXPECT_EQ(redirect(1, 4), bpf::XDP_ABORTED) << "XDP_REDIRECT is no verdict of a miss";
  EXPECT_EQ(redirect(1, 32), bpf::XDP_ABORTED);
  EXPECT_EQ(redirect(2, bpf::BPF_F_BROADCAST | bpf::BPF_F_EXCLUDE_INGRESS), bpf::XDP_REDIRECT);
  EXPECT_EQ(env.redirect.target, 0U);
  EXPECT_EQ(env.redirect.flags, bpf::BPF_F_BROADCAST | bpf::BPF_F_EXCLUDE_INGRESS);
}

TEST(Devmap, AnEntryMayNameAProgramBesideAPort) {
  auto map = *make_map(spec_of(bpf::BPF_MAP_TYPE_DEVMAP, 4, 8, 4));
  const auto& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_DEVMAP);
  const FakeProg prog(9);
  const u32 key = 1;
  EXPECT_EQ(ops.update_object(*map, bytes_of(key), {.prog = &prog.prog, .id = 0}, 0), -EINVAL);
  EXPECT_EQ(ops.entry_count(*map), 0U);
  EXPECT_EQ(ops.update_object(*map, bytes_of(key), {.prog = &prog.prog, .id = 42}, 0), 0);
  u32 value[2] = {};
  EXPECT_EQ(ops.lookup(*map, bytes_of(key), std::as_writable_bytes(std::span(value)), 0), 0);
  EXPECT_EQ(value[0], 42U);
  EXPECT_EQ(value[1], 9U);
  bpf_env env{};
  EXPECT_EQ(map->head()->runtime->redirect(&env, map->head(), map->head()->shape, key, 0), 4);
  EXPECT_EQ(env.redirect.target, 42U);
  EXPECT_EQ(env.redirect.map_id, 9U) << "the program's";
  EXPECT_TRUE(env.redirect.flags & BPF_REDIRECT_ENTRY_PROG);
  EXPECT_EQ(map->head()->runtime->redirect(&env, map->head(), map->head()->shape, 0, bpf::BPF_F_BROADCAST), 4);
  EXPECT_FALSE(env.redirect.flags & BPF_REDIRECT_ENTRY_PROG) << "each entry has its own";
}

}  // namespace
}  // namespace maps_test
