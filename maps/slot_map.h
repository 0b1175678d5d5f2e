// SPDX-License-Identifier: Apache-2.0
// slot_map.h — what maps of objects by index have in common: programs, maps.
//
// Threads   as OwnedSlots. Cost: one store per change, and a grace period before the object goes.
#pragma once

#include "maps/array.h"
#include "maps/array_inline.h"
#include "maps/head.h"
#include "maps/ops.h"
#include "maps/owned_slots.h"

namespace maps {

class SlotMap : public bpf::Map {
 public:
  int judge_update(ConstBytes key, u64 flags) { return judge_slot(key, flags, spec().max_entries); }

  int erase(ConstBytes key) {
    const u32 index = maps_array_index(key.data());
    if (index >= spec().max_entries) return -E2BIG;
    return slots_.put(index, nullptr, {}) ? 0 : -ENOENT;
  }

  int next_key(ConstBytes key, Bytes next) { return next_index(key, next, spec().max_entries); }
  u64 memory_bytes() const { return slots_.memory_bytes(); }
  u64 entry_count() const { return slots_.count(); }

 protected:
  using bpf::Map::Map;

  base::Status init() { return slots_.init("map '" + spec().name + "'", spec().max_entries); }
  // The object of a key; null: an empty slot, or none.
  const void* at(ConstBytes key) const noexcept {
    const u32 index = maps_array_index(key.data());
    return index < spec().max_entries ? slots_.at(index) : nullptr;
  }

  OwnedSlots slots_;
};

}  // namespace maps
