// SPDX-License-Identifier: Apache-2.0
// devmap_hash.cc — BPF_MAP_TYPE_DEVMAP_HASH: any 32-bit key -> port, by ifindex, and perhaps a program.
//
// Errors    update: EINVAL flags or no device, EEXIST with BPF_NOEXIST, E2BIG full. delete: ENOENT.
// Source    bpf(2), the running kernel.
#include <cstring>

#include "maps/head.h"
#include "maps/id_array.h"
#include "maps/id_hash.h"
#include "maps/redirect_inline.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime =
    complete({.lookup = &maps_devmap_hash_lookup, .redirect = &maps_devmap_hash_redirect});

constexpr MapRules kRules = [] {
  MapRules rules = kIdArrayRules;
  rules.value_size_max = 8;
  return rules;
}();
constexpr u32 kEntriesMax = 1U << 31;  // rounded up to a power of two it must fit 32 bits

class DevMapHash final : public IdHashMap {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::device;
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_devmap_hash_lookup",
                                                    .redirect = "map_devmap_hash_redirect"};

  explicit DevMapHash(const bpf::MapSpec& spec) : IdHashMap(spec) { fill_head(hash_.ids.map, spec, &kRuntime); }
  static base::Status check(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_spec(spec, kRules));
    SLUICE_CHECK(check_value_4_or_8(spec, "ifindex, or ifindex and program"));
    if (spec.max_entries > kEntriesMax)
      return base::Error(EINVAL, "map '" + spec.name + "': max_entries is more than 2^31");
    return base::success();
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    return make_id_hash<DevMapHash>(spec);
  }

  int lookup(ConstBytes key, Bytes value) {
    const u64 entry = hash_.find(key);
    if (entry == 0) return -ENOENT;
    std::memcpy(value.data(), &entry, value.size());
    return 0;
  }
  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags > bpf::BPF_EXIST || object.id == 0) return -EINVAL;
    object.id = entry_word(object);
    // Linux takes BPF_EXIST for BPF_ANY here.
    return hash_.update(key, std::move(object), flags == bpf::BPF_NOEXIST ? flags : bpf::BPF_ANY);
  }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::devmap_hash_map_ops = maps::map_ops<maps::DevMapHash>();
