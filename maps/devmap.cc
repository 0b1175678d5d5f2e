// SPDX-License-Identifier: Apache-2.0
// devmap.cc — BPF_MAP_TYPE_DEVMAP: index -> port, by ifindex.
//
// Shape     one word per entry (struct bpf_id_map). An entry holds the port's number, never a pointer into the data
//           path: a port that has gone makes redirects to it drops, not faults.
// Errors    update: E2BIG index, EEXIST with BPF_NOEXIST, EOPNOTSUPP with a program, which the data path cannot run
//           yet.
// Source    bpf(2), the running kernel.
#include <cstring>

#include "base/memory.h"
#include "maps/array.h"
#include "maps/check.h"
#include "maps/head.h"
#include "maps/ops.h"
#include "maps/redirect_inline.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_devmap_lookup, .redirect = &maps_devmap_redirect});

constexpr MapRules kRules = {.flags = bpf::BPF_F_NUMA_NODE | bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY,
                             .key_size_min = 4,
                             .key_size_max = 4,
                             .value_size_min = 4,
                             .value_size_max = 8,
                             .value_too_large = EINVAL};

class DevMap final : public bpf::Map {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::device;
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_devmap_lookup", .redirect = "map_devmap_redirect"};

  explicit DevMap(const bpf::MapSpec& spec) : bpf::Map(spec) { fill_head(devmap_.map, spec, &kRuntime); }

  static base::Status check(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_spec(spec, kRules));
    if (spec.value_size != 4 && spec.value_size != 8)
      return base::Error(EINVAL, "map '" + spec.name + "': value_size is " + std::to_string(spec.value_size) +
                                     ", a devmap takes 4 (ifindex) or 8 (ifindex and program)");
    return base::success();
  }

  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<DevMap>(spec);
    const std::string what = "map '" + spec.name + "'";
    const u64 bytes = u64{spec.max_entries} * sizeof(u64);
    SLUICE_TRY(map->charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, bytes));
    SLUICE_TRY(map->memory_, base::MemoryRegion::make(what, {bytes}));
    map->devmap_.entries = reinterpret_cast<u64*>(map->memory_.data());
    // Programs look entries up and never write them.
    map->devmap_.map.shape.map_flags |= bpf::BPF_F_RDONLY_PROG;
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &devmap_.map; }

  int lookup(ConstBytes key, Bytes value) {
    const u32 index = maps_array_index(key.data());
    const u64 entry = index < spec().max_entries ? maps_atomic_load(&devmap_.entries[index]) : 0;
    if (entry == 0) return -ENOENT;
    std::memcpy(value.data(), &entry, value.size());
    return 0;
  }

  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags > bpf::BPF_EXIST) return -EINVAL;
    const u32 index = maps_array_index(key.data());
    if (index >= spec().max_entries) return -E2BIG;
    if (flags == bpf::BPF_NOEXIST) return -EEXIST;
    if (object.error != 0) return -object.error;
    if (object.prog != nullptr) return object.id == 0 ? -EINVAL : -EOPNOTSUPP;
    maps_atomic_store(&devmap_.entries[index], object.id);
    return 0;
  }

  int erase(ConstBytes key) {
    const u32 index = maps_array_index(key.data());
    if (index >= spec().max_entries) return -EINVAL;
    maps_atomic_store(&devmap_.entries[index], 0);
    return 0;
  }

  int next_key(ConstBytes key, Bytes next) { return next_index(key, next, spec().max_entries); }
  u64 memory_bytes() const { return charge_.bytes(); }
  u64 entry_count() const {
    u64 count = 0;
    for (u32 i = 0; i < spec().max_entries; ++i) count += maps_atomic_load(&devmap_.entries[i]) != 0;
    return count;
  }

 private:
  bpf_id_map devmap_{};
  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::devmap_map_ops = maps::map_ops<maps::DevMap>();
