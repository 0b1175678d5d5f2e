// SPDX-License-Identifier: Apache-2.0
// bloom_filter.cc — BPF_MAP_TYPE_BLOOM_FILTER: an update pushes, a look-up peeks.
//
// Shape     the low four bits of map_extra are the number of hashes, 5 where they are 0.
// Source    sizes and errors: the running kernel.
#include <bit>
#include <random>

#include "base/memory.h"
#include "maps/bloom_inline.h"
#include "maps/check.h"
#include "maps/head.h"
#include "maps/ops.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.push = &maps_bloom_filter_push, .peek = &maps_bloom_filter_peek});

constexpr u32 kHashesDefault = 5;
constexpr u64 kBitsMin = 64;
constexpr u64 kBitsMax = u64{1} << 32;

constexpr MapRules kRules = {.flags = bpf::BPF_F_NUMA_NODE | bpf::BPF_F_ZERO_SEED | kAccessFlags,
                             .key_size_min = 0,
                             .key_size_max = 0,
                             .value_size_max = kKmallocMax,
                             .extra_max = 15};

class BloomFilterMap final : public bpf::Map {
 public:
  static constexpr bpf::MapOps::Symbols kSymbols = {.push = "map_bloom_filter_push", .peek = "map_bloom_filter_peek"};

  explicit BloomFilterMap(const bpf::MapSpec& spec) : bpf::Map(spec) { fill_head(bloom_.map, spec, &kRuntime); }
  static base::Status check(const bpf::MapSpec& spec) {
    // Linux looks at the value's size before everything else of the map.
    bpf::MapSpec value = spec;
    value.map_flags &= bpf::BPF_F_NUMA_NODE;
    value.key_size = 0;
    value.max_entries = 1;
    value.map_extra = 0;
    SLUICE_CHECK(check_spec(value, kRules));
    return check_spec(spec, kRules);
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<BloomFilterMap>(spec);
    SLUICE_CHECK(map->init());
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &bloom_.map; }
  int lookup(ConstBytes, Bytes value) {
    return static_cast<int>(maps_bloom_filter_peek(nullptr, &bloom_.map, bloom_.map.shape, value.data()));
  }
  int update(ConstBytes, ConstBytes value, u64 flags) {
    return static_cast<int>(maps_bloom_filter_push(nullptr, &bloom_.map, bloom_.map.shape, value.data(), flags));
  }
  int erase(ConstBytes) { return -EOPNOTSUPP; }
  int next_key(ConstBytes, Bytes) { return -EOPNOTSUPP; }
  u64 memory_bytes() const { return charge_.bytes(); }
  u64 entry_count() const { return 0; }  // a filter does not know

 private:
  base::Status init() {
    bloom_.hashes = spec().map_extra ? static_cast<u32>(spec().map_extra) : kHashesDefault;
    const u64 bits = std::clamp(std::bit_ceil(u64{spec().max_entries} * bloom_.hashes * 7 / 5), kBitsMin, kBitsMax);
    const std::string what = "map '" + spec().name + "'";
    SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, bits / 8));
    const int numa = (spec().map_flags & bpf::BPF_F_NUMA_NODE) ? static_cast<int>(spec().numa_node) : -1;
    SLUICE_TRY(memory_, base::MemoryRegion::make(what, {bits / 8, numa}));
    bloom_.words = reinterpret_cast<u64*>(memory_.data());
    bloom_.bit_mask = bits - 1;
    std::random_device random;
    const bool zero = spec().map_flags & bpf::BPF_F_ZERO_SEED;
    // The second one is a factor: never 0.
    bloom_.seed[0] = zero ? 0 : u64{random()} << 32 | random();
    bloom_.seed[1] = zero ? 0x9e3779b97f4a7c15 : (u64{random()} << 32 | random()) | 1;
    return base::success();
  }

  bloom_map bloom_{};
  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::bloom_filter_map_ops = maps::map_ops<maps::BloomFilterMap>();
