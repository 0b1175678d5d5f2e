// SPDX-License-Identifier: Apache-2.0
#include "maps/id_array.h"

#include "base/reclaim.h"
#include "maps/array.h"
#include "maps/head.h"

namespace maps {

IdArray::IdArray(const bpf::MapSpec& spec, const bpf_map_runtime* runtime) : bpf::Map(spec) {
  fill_head(array_.map, spec, runtime);
}

IdArray::~IdArray() {
  if (!owners_.empty()) base::Reclaim::process().retire([owners = std::move(owners_)]() mutable { owners.clear(); });
}

base::Status IdArray::init() {
  const std::string what = "map '" + spec().name + "'";
  const u64 bytes = u64{spec().max_entries} * sizeof(u64);
  SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, bytes));
  SLUICE_TRY(memory_, base::MemoryRegion::make(what, {bytes}));
  array_.entries = reinterpret_cast<u64*>(memory_.data());
  // Programs never write the entries.
  array_.map.shape.map_flags |= bpf::BPF_F_RDONLY_PROG;
  return base::success();
}

bool IdArray::put(u32 index, u64 id, std::shared_ptr<const void> keep) {
  std::shared_ptr<const void> old;
  bool taken = false;
  {
    std::lock_guard lock(mutex_);
    taken = __atomic_exchange_n(&array_.entries[index], id, __ATOMIC_ACQ_REL) != 0;
    if (const auto owner = owners_.find(index); owner != owners_.end()) {
      old = std::move(owner->second);
      owners_.erase(owner);
    }
    if (id != 0 && keep != nullptr) owners_.emplace(index, std::move(keep));
  }
  if (old != nullptr) base::Reclaim::process().retire([old = std::move(old)]() mutable { old.reset(); });
  return taken;
}

u64 IdArray::id_at(u32 index) const noexcept {
  return __atomic_load_n(&array_.entries[index], __ATOMIC_ACQUIRE);
}

int IdArray::put_object(u32 index, bpf::MapObject object, u64 flags) {
  if (object.error != 0) return -object.error;
  if (flags == bpf::BPF_NOEXIST && id_at(index) != 0) return -EEXIST;
  if (flags == bpf::BPF_EXIST && id_at(index) == 0) return -ENOENT;
  if (object.id == 0) return -EINVAL;
  put(index, object.id, std::move(object.keep));
  return 0;
}

u32 IdArray::index_of(ConstBytes key) const noexcept {
  const u32 index = maps_array_index(key.data());
  return index < spec().max_entries ? index : ~0U;
}

int IdArray::next_key(ConstBytes key, Bytes next) {
  return next_index(key, next, spec().max_entries);
}

u64 IdArray::entry_count() const {
  u64 count = 0;
  for (u32 i = 0; i < spec().max_entries; ++i) count += id_at(i) != 0;
  return count;
}

base::Status check_value_4_or_8(const bpf::MapSpec& spec, const char* meaning) {
  if (spec.value_size == 4 || spec.value_size == 8) return base::success();
  return base::Error(EINVAL, "map '" + spec.name + "': value_size is " + std::to_string(spec.value_size) +
                                 ", this map type takes 4 or 8 (" + meaning + ")");
}

}  // namespace maps
