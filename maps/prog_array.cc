// SPDX-License-Identifier: Apache-2.0
// prog_array.cc — BPF_MAP_TYPE_PROG_ARRAY: the programs that bpf_tail_call() jumps to.
//
// Shape     struct bpf_prog_array: one pointer per slot.
// Threads, Lifetime: maps/owned_slots.h.
// Errors    update: EINVAL unknown flag, E2BIG index. erase: E2BIG index, ENOENT empty.
// Source    bpf(2), the running kernel.
#include <cstring>

#include "maps/array.h"
#include "maps/check.h"
#include "maps/head.h"
#include "maps/ops.h"
#include "maps/slot_map.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({});

constexpr MapRules kRules = {.flags = bpf::BPF_F_NUMA_NODE | bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY,
                             .key_size_min = 4,
                             .key_size_max = 4,
                             .value_size_min = 4,
                             .value_size_max = 4,
                             .value_too_large = EINVAL};

class ProgArrayMap final : public SlotMap {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::program;
  static constexpr bpf::InnerRule kInner = bpf::InnerRule::never;

  explicit ProgArrayMap(const bpf::MapSpec& spec) : SlotMap(spec) { fill_head(array_.map, spec, &kRuntime); }

  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<ProgArrayMap>(spec);
    SLUICE_CHECK(map->init());
    map->array_.slots = reinterpret_cast<const bpf_prog**>(map->slots_.data());
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &array_.map; }

  // bpf(2) shows a slot as the program's id.
  int lookup(ConstBytes key, Bytes value) {
    const auto* prog = static_cast<const bpf_prog*>(at(key));
    if (prog == nullptr) return -ENOENT;
    std::memcpy(value.data(), &prog->id, sizeof prog->id);
    return 0;
  }

  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (int error = judge_update(key, flags)) return error;
    if (object.prog == nullptr) return -EINVAL;
    slots_.put(maps_array_index(key.data()), object.prog, std::move(object.keep));
    return 0;
  }

 private:
  bpf_prog_array array_{};
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::prog_array_map_ops = maps::map_ops<maps::ProgArrayMap>();
