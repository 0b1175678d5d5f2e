// SPDX-License-Identifier: Apache-2.0
// maps_bench.cc — what one operation on a map costs when its body is compiled into the caller, as in a program.
//
//   maps_bench [--benchmark_filter=REGEX]
//
// Shape     keys are drawn uniformly beforehand; look-ups of one pass do not depend on each other ("free"), or each key
//           depends on the value found before ("chained": the latency). Sizes are constants, as in the JIT.
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "base/reclaim.h"
#include "bpf/abi/flags.h"
#include "bpf/registry/registry.h"
#include "maps/array_inline.h"
#include "maps/hash_inline.h"
#include "maps/lpm_inline.h"

namespace {

using base::u32;
using base::u64;

constexpr u32 kDrawn = 1 << 16;

std::unique_ptr<bpf::Map> make(bpf::bpf_map_type type, bpf_map_shape shape) {
  bpf::MapSpec spec;
  spec.type = type;
  spec.key_size = shape.key_size;
  spec.value_size = shape.value_size;
  spec.max_entries = shape.max_entries;
  spec.map_flags = shape.map_flags;
  spec.name = "bench";
  auto map = (*bpf::find_map_ops(type))->make(spec);
  if (!map) {
    std::fprintf(stderr, "%s\n", map.error().what().c_str());
    std::exit(1);
  }
  return *std::move(map);
}

struct Key16 {
  u64 low = 0;
  u64 high = 0;
};
Key16 key_of(u32 n) {
  return {n * 0x9e3779b97f4a7c15, n};
}

struct Key16Map {
  explicit Key16Map(u32 entries, bpf::bpf_map_type type = bpf::BPF_MAP_TYPE_HASH)
      : entries(entries), map(make(type, shape())) {
    char value[64] = {};
    for (u32 n = 0; n < entries; ++n) {
      const Key16 key = key_of(n);
      maps_hash_update(&env, map->head(), shape(), &key, value, 0);
    }
    std::mt19937 random(1);
    for (auto& key : drawn) key = key_of(random() % entries);
  }
  bpf_map_shape shape() const { return {16, 64, entries, 0}; }

  u32 entries;
  std::unique_ptr<bpf::Map> map;
  bpf_env env{};
  std::vector<Key16> drawn = std::vector<Key16>(kDrawn);
};

// The look-up as a program has it: key and value size are constants, the map's address is one.
inline void* lookup16(bpf_map* map, u32 entries, const Key16& key) {
  return maps_hash_lookup(nullptr, map, {16, 64, entries, 0}, &key);
}

void hash_hit_free(benchmark::State& state) {
  Key16Map m(static_cast<u32>(state.range(0)));
  bpf_map* map = m.map->head();
  u32 i = 0;
  u64 sum = 0;
  for (auto _ : state) sum += *static_cast<u64*>(lookup16(map, m.entries, m.drawn[i++ % kDrawn]));
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(hash_hit_free)->Arg(1 << 10)->Arg(1 << 16)->Arg(1 << 22);

void hash_hit_chained(benchmark::State& state) {
  Key16Map m(static_cast<u32>(state.range(0)));
  bpf_map* map = m.map->head();
  u64 i = 0;
  for (auto _ : state) i += 1 + *static_cast<u64*>(lookup16(map, m.entries, m.drawn[i % kDrawn]));
  benchmark::DoNotOptimize(i);
}
BENCHMARK(hash_hit_chained)->Arg(1 << 16)->Arg(1 << 22);

void hash_hit_hot(benchmark::State& state) {
  Key16Map m(1 << 16);
  bpf_map* map = m.map->head();
  Key16 key = key_of(77);
  u64 sum = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(key);
    sum += *static_cast<u64*>(lookup16(map, m.entries, key));
  }
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(hash_hit_hot);

void hash_miss_free(benchmark::State& state) {
  Key16Map m(static_cast<u32>(state.range(0)));
  for (auto& key : m.drawn) key.high += 1ULL << 40;
  bpf_map* map = m.map->head();
  u32 i = 0;
  u64 found = 0;
  for (auto _ : state) found += lookup16(map, m.entries, m.drawn[i++ % kDrawn]) != nullptr;
  if (found != 0) state.SkipWithError("a key was found that is not there");
}
BENCHMARK(hash_miss_free)->Arg(1 << 16)->Arg(1 << 22);

void hash_update_existing(benchmark::State& state) {
  Key16Map m(static_cast<u32>(state.range(0)));
  char value[64] = {};
  u32 i = 0;
  for (auto _ : state) maps_hash_update(&m.env, m.map->head(), m.shape(), &m.drawn[i++ % kDrawn], value, 0);
}
BENCHMARK(hash_update_existing)->Arg(1 << 16)->Arg(1 << 22);

void lru_update_existing(benchmark::State& state) {
  Key16Map m(static_cast<u32>(state.range(0)), bpf::BPF_MAP_TYPE_LRU_HASH);
  char value[64] = {};
  u32 i = 0;
  for (auto _ : state) maps_hash_update(&m.env, m.map->head(), m.shape(), &m.drawn[i++ % kDrawn], value, 0);
}
BENCHMARK(lru_update_existing)->Arg(1 << 16)->Arg(1 << 22);

void lru_update_with_eviction(benchmark::State& state) {
  Key16Map m(static_cast<u32>(state.range(0)), bpf::BPF_MAP_TYPE_LRU_HASH);
  char value[64] = {};
  u32 n = m.entries;
  for (auto _ : state) {
    const Key16 key = key_of(n++);
    if (maps_hash_update(&m.env, m.map->head(), m.shape(), &key, value, 0) != 0) state.SkipWithError("refused");
  }
}
BENCHMARK(lru_update_with_eviction)->Arg(1 << 16)->Arg(1 << 22);

void hash_delete_and_insert(benchmark::State& state) {
  Key16Map m(static_cast<u32>(state.range(0)));
  char value[64] = {};
  u32 i = 0;
  for (auto _ : state) {
    const Key16& key = m.drawn[i++ % kDrawn];
    maps_hash_erase(&m.env, m.map->head(), m.shape(), &key);
    maps_hash_update(&m.env, m.map->head(), m.shape(), &key, value, 0);
  }
}
BENCHMARK(hash_delete_and_insert)->Arg(1 << 16);

void array_hit_free(benchmark::State& state) {
  constexpr bpf_map_shape kShape = {4, 64, 1 << 16, 0};
  auto map = make(bpf::BPF_MAP_TYPE_ARRAY, kShape);
  std::mt19937 random(1);
  std::vector<u32> drawn(kDrawn);
  for (auto& key : drawn) key = random() % kShape.max_entries;
  u32 i = 0;
  u64 sum = 0;
  for (auto _ : state) sum += *static_cast<u64*>(maps_array_lookup(nullptr, map->head(), kShape, &drawn[i++ % kDrawn]));
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(array_hit_free);

void percpu_array_count(benchmark::State& state) {
  constexpr bpf_map_shape kShape = {4, 8, 256, 0};
  auto map = make(bpf::BPF_MAP_TYPE_PERCPU_ARRAY, kShape);
  bpf_env env{};
  u32 key = 0;
  for (auto _ : state) {
    key = (key + 1) % 256;
    benchmark::DoNotOptimize(key);
    ++*static_cast<u64*>(maps_percpu_array_lookup(&env, map->head(), kShape, &key));
  }
}
BENCHMARK(percpu_array_count);

struct __attribute__((packed)) Prefix4 {
  u32 length;
  unsigned char data[4];
};

// Lengths as in a full table of routes: most are /24, then /22, /23, /20, /16.
u32 route_length(u32 draw) {
  return draw < 60 ? 24 : draw < 70 ? 22 : draw < 80 ? 23 : draw < 88 ? 20 : draw < 96 ? 16 : 18;
}

void lpm_hit_free(benchmark::State& state) {
  const auto entries = static_cast<u32>(state.range(0));
  const bpf_map_shape shape = {8, 8, entries, bpf::BPF_F_NO_PREALLOC};
  auto map = make(bpf::BPF_MAP_TYPE_LPM_TRIE, shape);
  auto reader = *base::Reclaim::process().join();
  reader.online();
  bpf_env env{};
  std::mt19937 random(1);
  std::vector<Prefix4> drawn(kDrawn);
  u64 value = 1;
  for (u32 n = 0; n < entries; ++n) {
    Prefix4 key{route_length(random() % 100), {}};
    const u32 address = static_cast<u32>(random());
    std::memcpy(key.data, &address, 4);
    maps_lpm_trie_update(&env, map->head(), shape, &key, &value, 0);
    if (n % 64 == 0) reader.quiescent();
    if (n < kDrawn) drawn[n] = {32, {key.data[0], key.data[1], key.data[2], key.data[3]}};
  }
  u32 i = 0;
  u64 found = 0;
  const u32 used = std::min(entries, kDrawn);
  for (auto _ : state)
    found += maps_lpm_trie_lookup(nullptr, map->head(), {8, 8, entries, 0}, &drawn[i++ % used]) != nullptr;
  if (found != i) state.SkipWithError("an address was not found that a prefix covers");
  reader.offline();
}
BENCHMARK(lpm_hit_free)->Arg(10'000)->Arg(1'000'000);

}  // namespace

BENCHMARK_MAIN();
