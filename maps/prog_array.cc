// SPDX-License-Identifier: Apache-2.0
// prog_array.cc — BPF_MAP_TYPE_PROG_ARRAY: the programs that bpf_tail_call() jumps to.
//
// Shape     struct bpf_prog_array: one pointer per slot, replaced with one store and seen by the next tail call. The
//           owners of the programs lie beside it.
// Threads   slots are read by any CPU. Writers are control threads only; they take turns.
// Lifetime  a program that leaves a slot is kept until every worker has been quiescent.
// Errors    update: EINVAL unknown flag, E2BIG index. erase: E2BIG index, ENOENT empty.
// Source    bpf(2), the running kernel.
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "base/memory.h"
#include "maps/array.h"
#include "maps/check.h"
#include "maps/head.h"
#include "maps/ops.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({});

constexpr MapRules kRules = {.flags = bpf::BPF_F_NUMA_NODE | bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY,
                             .key_size_min = 4,
                             .key_size_max = 4,
                             .value_size_min = 4,
                             .value_size_max = 4,
                             .value_too_large = EINVAL};

class ProgArrayMap final : public bpf::Map {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::program;

  explicit ProgArrayMap(const bpf::MapSpec& spec) : bpf::Map(spec) { fill_head(array_.map, spec, &kRuntime); }
  ~ProgArrayMap() override {
    if (!owners_.empty()) base::Reclaim::process().retire([owners = std::move(owners_)]() mutable { owners.clear(); });
  }

  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<ProgArrayMap>(spec);
    const std::string what = "map '" + spec.name + "'";
    const u64 bytes = u64{spec.max_entries} * sizeof(const bpf_prog*);
    SLUICE_TRY(map->charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, bytes));
    SLUICE_TRY(map->memory_, base::MemoryRegion::make(what, {bytes}));
    map->array_.slots = reinterpret_cast<const bpf_prog**>(map->memory_.data());
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &array_.map; }

  // bpf(2) shows a slot as the program's id.
  int lookup(ConstBytes key, Bytes value) {
    const u32 index = maps_array_index(key.data());
    const bpf_prog* prog =
        index < spec().max_entries ? __atomic_load_n(&array_.slots[index], __ATOMIC_ACQUIRE) : nullptr;
    if (prog == nullptr) return -ENOENT;
    std::memcpy(value.data(), &prog->id, sizeof prog->id);
    return 0;
  }

  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (flags != bpf::BPF_ANY) return -EINVAL;
    const u32 index = maps_array_index(key.data());
    if (index >= spec().max_entries) return -E2BIG;
    if (object.prog == nullptr) return -EINVAL;
    put(index, std::move(object));
    return 0;
  }

  int erase(ConstBytes key) {
    const u32 index = maps_array_index(key.data());
    if (index >= spec().max_entries) return -E2BIG;
    return put(index, {}) ? 0 : -ENOENT;
  }

  int next_key(ConstBytes key, Bytes next) { return next_index(key, next, spec().max_entries); }
  u64 memory_bytes() const { return charge_.bytes(); }
  u64 entry_count() const {
    std::lock_guard lock(mutex_);
    return owners_.size();
  }

 private:
  // Fills or empties a slot; answers whether there was a program in it.
  bool put(u32 index, bpf::MapObject object) {
    std::shared_ptr<const void> old;
    bool filled = false;
    {
      std::lock_guard lock(mutex_);
      filled = __atomic_exchange_n(&array_.slots[index], object.prog, __ATOMIC_ACQ_REL) != nullptr;
      if (filled) old = std::move(owners_[index]);
      if (object.prog != nullptr)
        owners_[index] = std::move(object.keep);
      else
        owners_.erase(index);
    }
    if (old != nullptr) base::Reclaim::process().retire([old = std::move(old)]() mutable { old.reset(); });
    return filled;
  }

  bpf_prog_array array_{};
  mutable std::mutex mutex_;  // control threads only
  std::unordered_map<u32, std::shared_ptr<const void>> owners_;
  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::prog_array_map_ops = maps::map_ops<maps::ProgArrayMap>();
