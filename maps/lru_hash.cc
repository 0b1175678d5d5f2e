// SPDX-License-Identifier: Apache-2.0
// lru_hash.cc — BPF_MAP_TYPE_LRU_HASH: the hash table that makes room for a new key by letting an old one go.
#include "base/percpu.h"
#include "maps/hash.h"
#include "maps/head.h"

namespace maps {

bpf::MapSpec lru_spec(bpf::MapSpec spec) {
  if ((spec.map_flags & bpf::BPF_F_NO_COMMON_LRU) == 0) return spec;
  const u64 cpus = base::possible_cpu_count();
  const u64 up = (spec.max_entries + cpus - 1) / cpus * cpus;
  spec.max_entries = static_cast<u32>(up > ~u32{0} ? up - cpus : up);
  return spec;
}

namespace {

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_lru_hash_lookup,
                                               .update = &maps_lru_hash_put,
                                               .erase = &maps_hash_erase,
                                               .each = &maps_hash_each,
                                               .count = &maps_hash_count,
                                               .natives = kHashNatives});
constexpr bpf_map_runtime kAround = with_update(kRuntime, &maps_hash_update);

class LruHashMap final : public HashObject {
 public:
  static constexpr bpf::MapOps::Symbols kSymbols = {
      .lookup = "map_lru_hash_lookup", .update = "map_lru_hash_update", .erase = "map_lru_hash_erase"};

  explicit LruHashMap(const bpf::MapSpec& spec) : HashObject(lru_spec(spec), &kRuntime, &kAround) {}
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kLruRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<LruHashMap>(spec);
    SLUICE_CHECK(map->init(MAPS_HASH_LRU));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::lru_hash_map_ops = maps::map_ops<maps::LruHashMap>();
