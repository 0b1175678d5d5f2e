// SPDX-License-Identifier: Apache-2.0
// percpu_hash.cc — BPF_MAP_TYPE_PERCPU_HASH: the hash table with one value per possible CPU beside its nodes.
//
// An update of a key that is there writes in place, as Linux does: a program's own CPU's value, bpf(2) everybody's.
#include "maps/hash.h"
#include "maps/head.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_percpu_hash_lookup,
                                               .update = &maps_percpu_hash_put,
                                               .erase = &maps_hash_erase,
                                               .lookup_percpu = &maps_percpu_hash_lookup_percpu,
                                               .each = &maps_hash_each,
                                               .count = &maps_hash_count,
                                               .natives = kHashNatives});
constexpr bpf_map_runtime kAround = with_update(kRuntime, &maps_percpu_hash_update);

constexpr MapRules kRules = [] {
  MapRules rules = kHashRules;
  rules.value_size_max = kPercpuValueMax;
  rules.numa = false;
  return rules;
}();

class PercpuHashMap final : public HashObject {
 public:
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_percpu_hash_lookup",
                                                    .update = "map_percpu_hash_update",
                                                    .erase = "map_percpu_hash_erase",
                                                    .lookup_percpu = "map_percpu_hash_lookup_percpu"};

  explicit PercpuHashMap(const bpf::MapSpec& spec) : HashObject(spec, &kRuntime, &kAround) {}
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<PercpuHashMap>(spec);
    SLUICE_CHECK(map->init(MAPS_HASH_PERCPU));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::percpu_hash_map_ops = maps::map_ops<maps::PercpuHashMap>();
