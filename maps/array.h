// SPDX-License-Identifier: Apache-2.0
// array.h — BPF_MAP_TYPE_ARRAY and BPF_MAP_TYPE_PERCPU_ARRAY as map objects; pictures in array_inline.h.
//
// Shape     BPF_F_MMAPABLE: the values lie in a sealed memfd of whole pages, which the control plane may hand to
//           clients; not values with fields, as in Linux.
// Threads   any. Values are written word by word, as in Linux: a reader beside a writer may see both values' words,
//           unless both ask for the value's lock.
// Lifetime  elements are there from creation to the map's end; they are never deleted.
#pragma once

#include "base/memory.h"
#include "maps/array_inline.h"
#include "maps/check.h"
#include "maps/fields.h"
#include "maps/ops.h"

namespace maps {

inline constexpr MapRules kArrayRules = {
    .flags = bpf::BPF_F_NUMA_NODE | bpf::BPF_F_MMAPABLE | bpf::BPF_F_INNER_MAP | kAccessFlags,
    .key_size_min = 4,
    .key_size_max = 4,
    .value_size_max = 0x7fffffff};

class ArrayObject : public bpf::Map {
 public:
  static constexpr bpf::InnerRule kInner = bpf::InnerRule::alike_entries;
  static constexpr u8 kBatch = bpf::kBatchArray;

  // `around`: the operations where values have fields.
  ArrayObject(const bpf::MapSpec& spec, const bpf_map_runtime* runtime, const bpf_map_runtime* around);
  base::Status init(u32 copies);

  bpf_map* head() noexcept final { return &array_.map; }
  int lookup(ConstBytes key, Bytes value, u64 flags);
  int update(ConstBytes key, ConstBytes value, u64 flags);
  int next_key(ConstBytes key, Bytes next);
  u64 memory_bytes() const { return charge_.bytes(); }
  u64 entry_count() const { return array_.map.shape.max_entries; }

  base::Status freeze();
  // BPF_F_MMAPABLE: the memory for clients to map, else -1.
  int memory_fd() const noexcept { return memory_.fd(); }

 protected:
  array_map array_{};

 private:
  u64* value_of(u32 index, u32 cpu) const noexcept;

  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
};

// bpf_map_update_elem where values have fields. `find` is the type's own look-up.
template <auto find>
int64_t update_array_around(bpf_env* env, bpf_map* map, bpf_map_shape shape, const void* key, const void* value,
                            uint64_t flags) {
  const bool locks = (flags & bpf::BPF_F_LOCK) != 0 && map->fields->lock != BPF_VALUE_HAS_NO;
  if (int64_t error = maps_array_judge(shape, maps_array_index(key), locks ? flags & ~bpf::BPF_F_LOCK : flags))
    return error;
  put_around(find(env, map, shape, key), value, shape.value_size, *map->fields, locks);
  return 0;
}

// get_next_key of every array type: an index out of range asks for the first one.
int next_index(ConstBytes key, Bytes next, u32 max_entries);
// An update of an array whose elements are objects, before its value is looked at: EINVAL flags, E2BIG index.
int judge_slot(ConstBytes key, u64 flags, u32 max_entries);

}  // namespace maps
