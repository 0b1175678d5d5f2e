// SPDX-License-Identifier: Apache-2.0
// id_array.h — arrays whose elements are objects: an id per index, and what keeps the object alive beside it.
//
//   struct bpf_id_map   entries ─► [id][id][0][id] …    one word per index, replaced with one store; 0 is empty
//
// Shape     the base of PERF_EVENT_ARRAY, CGROUP_ARRAY, XSKMAP, CPUMAP, SOCKMAP and REUSEPORT_SOCKARRAY. What an id
//           means
//           is the data path's business: an object that has gone makes its id a miss, not a fault.
// Threads   entries are read by any CPU. Writers are control threads only; they take turns.
// Lifetime  an object that leaves a slot is kept until every worker has been quiescent.
// Cost      look-up: one load.
#pragma once

#include <memory>
#include <mutex>
#include <unordered_map>

#include "base/memory.h"
#include "maps/check.h"
#include "maps/ops.h"

namespace maps {

inline constexpr u32 kUserAccessFlags = bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY;

class IdArray : public bpf::Map {
 public:
  bpf_map* head() noexcept final { return &array_.map; }
  int next_key(ConstBytes key, Bytes next);
  u64 memory_bytes() const { return charge_.bytes(); }
  u64 entry_count() const;

  // For the owners of the objects: puts one in, as a program or the data path sees it from then on. id 0 empties.
  // REQUIRES: index < max_entries. Answers whether the slot was taken.
  bool put(u32 index, u64 id, std::shared_ptr<const void> keep);
  u64 id_at(u32 index) const noexcept;

 protected:
  IdArray(const bpf::MapSpec& spec, const bpf_map_runtime* runtime);
  ~IdArray() override;
  base::Status init();

  // An update as Linux judges it once flags and index are good: the object's own error, EEXIST, ENOENT.
  int put_object(u32 index, bpf::MapObject object, u64 flags);
  // Empties a slot where an empty one is no error.
  int clear(ConstBytes key) {
    if (index_of(key) == ~0U) return -EINVAL;
    put(index_of(key), 0, nullptr);
    return 0;
  }
  // Index of `key`, or ~0.
  u32 index_of(ConstBytes key) const noexcept;

 private:
  bpf_id_map array_{};
  mutable std::mutex mutex_;  // control threads only
  std::unordered_map<u32, std::shared_ptr<const void>> owners_;
  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
};

template <class M>
base::Result<std::unique_ptr<bpf::Map>> make_id_array(const bpf::MapSpec& spec) {
  auto map = std::make_unique<M>(spec);
  SLUICE_CHECK(map->init());
  return std::unique_ptr<bpf::Map>(std::move(map));
}

// Rules of most of them: an index, and a descriptor as its value.
inline constexpr MapRules kIdArrayRules = {.flags = bpf::BPF_F_NUMA_NODE | kUserAccessFlags,
                                           .key_size_min = 4,
                                           .key_size_max = 4,
                                           .value_size_min = 4,
                                           .value_size_max = 4,
                                           .value_too_large = EINVAL};

// What stands in a slot of a device or a CPU: its number, and above it the program's.
inline u64 entry_word(const bpf::MapObject& object) {
  return object.id | (object.prog != nullptr ? u64{object.prog->id} << 32 : 0);
}

// value_size 4 or 8, else EINVAL in words.
base::Status check_value_4_or_8(const bpf::MapSpec& spec, const char* meaning);

}  // namespace maps
