// SPDX-License-Identifier: Apache-2.0
// devmap.cc — BPF_MAP_TYPE_DEVMAP: index -> port, by ifindex, and perhaps a program that sees what leaves by it.
//
// Shape     an entry is ifindex | program id << 32. It holds the port's number, never a pointer into the data path: a
//           port that has gone makes redirects to it drops, not faults.
// Errors    update: E2BIG index, EEXIST with BPF_NOEXIST, EINVAL a program without a port. delete: EINVAL index.
// Source    bpf(2), the running kernel.
#include <cstring>

#include "maps/head.h"
#include "maps/id_array.h"
#include "maps/redirect_inline.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_devmap_lookup, .redirect = &maps_devmap_redirect});

constexpr MapRules kRules = [] {
  MapRules rules = kIdArrayRules;
  rules.value_size_max = 8;
  return rules;
}();

class DevMap final : public IdArray {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::device;
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_devmap_lookup", .redirect = "map_devmap_redirect"};

  explicit DevMap(const bpf::MapSpec& spec) : IdArray(spec, &kRuntime) {}
  using IdArray::init;
  static base::Status check(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_spec(spec, kRules));
    return check_value_4_or_8(spec, "ifindex, or ifindex and program");
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) { return make_id_array<DevMap>(spec); }

  int lookup(ConstBytes key, Bytes value) {
    const u32 index = index_of(key);
    const u64 entry = index == ~0U ? 0 : id_at(index);
    if (entry == 0) return -ENOENT;
    std::memcpy(value.data(), &entry, value.size());
    return 0;
  }

  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags > bpf::BPF_EXIST) return -EINVAL;
    const u32 index = index_of(key);
    if (index == ~0U) return -E2BIG;
    if (flags == bpf::BPF_NOEXIST) return -EEXIST;
    if (object.error != 0) return -object.error;
    if (object.prog != nullptr && object.id == 0) return -EINVAL;
    put(index, entry_word(object), std::move(object.keep));
    return 0;
  }

  int erase(ConstBytes key) { return clear(key); }
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::devmap_map_ops = maps::map_ops<maps::DevMap>();
