// SPDX-License-Identifier: Apache-2.0
// hash.cc — BPF_MAP_TYPE_HASH.
#include "maps/hash.h"

#include "maps/head.h"

namespace maps {

HashObject::HashObject(const bpf::MapSpec& spec, const bpf_map_runtime* runtime, const bpf_map_runtime* around)
    : bpf::Map(spec) {
  fill_head(table_.map, spec, spec.fields ? around : runtime);
}

namespace {

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_hash_lookup,
                                               .update = &maps_hash_put,
                                               .erase = &maps_hash_erase,
                                               .each = &maps_hash_each,
                                               .count = &maps_hash_count,
                                               .natives = kHashNatives});
constexpr bpf_map_runtime kAround = with_update(kRuntime, &maps_hash_update);

class HashMap final : public HashObject {
 public:
  static constexpr bpf::MapOps::Symbols kSymbols = {
      .lookup = "map_hash_lookup", .update = "map_hash_update", .erase = "map_hash_erase"};

  explicit HashMap(const bpf::MapSpec& spec) : HashObject(spec, &kRuntime, &kAround) {}
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kHashRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<HashMap>(spec);
    SLUICE_CHECK(map->init(0));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::hash_map_ops = maps::map_ops<maps::HashMap>();
