// SPDX-License-Identifier: Apache-2.0
// percpu_array.cc — BPF_MAP_TYPE_PERCPU_ARRAY: an array for every possible CPU, a cache line or more apart.
#include "base/percpu.h"
#include "maps/array.h"
#include "maps/head.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_percpu_array_lookup,
                                               .update = &maps_percpu_array_update,
                                               .lookup_percpu = &maps_percpu_array_lookup_percpu,
                                               .each = &maps_percpu_array_each});

constexpr bpf_map_runtime kAround = with_update(kRuntime, &update_array_around<&maps_percpu_array_lookup>);

constexpr MapRules kRules = [] {
  MapRules rules = kArrayRules;
  rules.flags &= ~(bpf::BPF_F_MMAPABLE | bpf::BPF_F_INNER_MAP);
  rules.value_size_max = kPercpuValueMax;
  rules.numa = false;
  return rules;
}();

class PercpuArrayMap final : public ArrayObject {
 public:
  static constexpr bpf::InnerRule kInner = bpf::InnerRule::alike;
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_percpu_array_lookup",
                                                    .update = "map_percpu_array_update",
                                                    .lookup_percpu = "map_percpu_array_lookup_percpu"};

  explicit PercpuArrayMap(const bpf::MapSpec& spec) : ArrayObject(spec, &kRuntime, &kAround) {}
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<PercpuArrayMap>(spec);
    SLUICE_CHECK(map->init(base::possible_cpu_count()));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::percpu_array_map_ops = maps::map_ops<maps::PercpuArrayMap>();
