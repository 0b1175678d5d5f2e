// SPDX-License-Identifier: Apache-2.0
// lru_percpu_hash.cc — BPF_MAP_TYPE_LRU_PERCPU_HASH: the LRU table with one value per possible CPU beside its nodes.
#include "maps/hash.h"
#include "maps/head.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_lru_percpu_hash_lookup,
                                               .update = &maps_lru_percpu_hash_put,
                                               .erase = &maps_hash_erase,
                                               .lookup_percpu = &maps_lru_percpu_hash_lookup_percpu,
                                               .each = &maps_hash_each,
                                               .count = &maps_hash_count,
                                               .natives = kHashNatives});
constexpr bpf_map_runtime kAround = with_update(kRuntime, &maps_percpu_hash_update);

constexpr MapRules kRules = [] {
  MapRules rules = kLruRules;
  rules.value_size_max = kPercpuValueMax;
  rules.numa = false;
  return rules;
}();

class LruPercpuHashMap final : public HashObject {
 public:
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_lru_percpu_hash_lookup",
                                                    .update = "map_lru_percpu_hash_update",
                                                    .erase = "map_lru_percpu_hash_erase",
                                                    .lookup_percpu = "map_lru_percpu_hash_lookup_percpu"};

  explicit LruPercpuHashMap(const bpf::MapSpec& spec) : HashObject(lru_spec(spec), &kRuntime, &kAround) {}
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<LruPercpuHashMap>(spec);
    SLUICE_CHECK(map->init(MAPS_HASH_LRU | MAPS_HASH_PERCPU));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::lru_percpu_hash_map_ops = maps::map_ops<maps::LruPercpuHashMap>();
