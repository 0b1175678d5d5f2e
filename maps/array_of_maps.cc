// SPDX-License-Identifier: Apache-2.0
// array_of_maps.cc — BPF_MAP_TYPE_ARRAY_OF_MAPS: an array whose elements are maps of one shape.
//
// Shape     struct bpf_map_slots: one pointer per slot. A program's look-up answers the inner map's address.
// Threads, Lifetime: maps/owned_slots.h.
// Errors    update: EINVAL unknown flag or a map of another shape, E2BIG index. erase: E2BIG index, ENOENT empty.
// Cost      a look-up is one load; one on the inner map found goes through its own table.
// Source    bpf(2), the running kernel.
#include <cstring>

#include "maps/array.h"
#include "maps/check.h"
#include "maps/head.h"
#include "maps/inner.h"
#include "maps/map_of_maps_inline.h"
#include "maps/ops.h"
#include "maps/slot_map.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_array_of_maps_lookup});

constexpr MapRules kRules = {.flags = bpf::BPF_F_NUMA_NODE | bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY,
                             .key_size_min = 4,
                             .key_size_max = 4,
                             .value_size_min = 4,
                             .value_size_max = 4,
                             .value_too_large = EINVAL};

class ArrayOfMaps final : public SlotMap {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::map;
  static constexpr u8 kBatch = bpf::kBatchArray;
  static constexpr bpf::InnerRule kInner = bpf::InnerRule::nested;
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_array_of_maps_lookup"};

  explicit ArrayOfMaps(const bpf::MapSpec& spec) : SlotMap(spec) { fill_head(array_.map, spec, &kRuntime); }

  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_template(spec));
    auto map = std::make_unique<ArrayOfMaps>(spec);
    SLUICE_CHECK(map->init());
    map->array_.slots = reinterpret_cast<bpf_map**>(const_cast<void**>(map->slots_.data()));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &array_.map; }

  // bpf(2) shows a slot as the inner map's id.
  int lookup(ConstBytes key, Bytes value) { return copy_id(static_cast<const bpf_map*>(at(key)), value); }

  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (int error = judge_update(key, flags)) return error;
    if (object.map == nullptr || !alike(*spec().inner, object.map->spec())) return -EINVAL;
    slots_.put(maps_array_index(key.data()), object.map->head(), std::move(object.keep));
    return 0;
  }

 private:
  bpf_map_slots array_{};
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::array_of_maps_map_ops = maps::map_ops<maps::ArrayOfMaps>();
