// SPDX-License-Identifier: Apache-2.0
// hash_words.h — the words of a hash table's lines and how they change; picture in hash_inline.h.
//
// Threads   load and swap_word are the only ways to a word that other threads see.
#pragma once

#include "base/types.h"
#include "maps/hash_inline.h"
#include "maps/test_point.h"

namespace maps::hash_word {

using base::u32;
using base::u64;

inline constexpr int kAgain = 1;  // beside 0 and negative errnos: another thread was faster, look again
inline constexpr u32 kSlots = MAPS_HASH_SLOTS;
inline constexpr u32 kControl = MAPS_HASH_CONTROL;
inline constexpr u64 kNodeMask = MAPS_HASH_NODE_MASK;
inline constexpr u64 kDead = kNodeMask;  // node number of a dead slot
inline constexpr u64 kSlotVersion = u64{1} << MAPS_HASH_NODE_BITS;
inline constexpr u64 kSlotVersionMask = MAPS_HASH_VERSION_MASK;
inline constexpr u64 kControlVersionMask = ((u64{1} << 29) - 1) << MAPS_HASH_NODE_BITS;

inline u64 load(const u64* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
inline void store(u64* word, u64 value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}
inline bool swap_word(u64* word, u64 expected, u64 desired) {
  test_point();
  return __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
inline void read_fence() {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

inline u64 tag_of(u64 slot) {
  return slot >> MAPS_HASH_TAG_SHIFT;
}
inline u64 node_of(u64 slot) {
  return slot & kNodeMask;
}
inline u64 next_version(u64 slot) {
  return (slot + kSlotVersion) & kSlotVersionMask;
}
inline u64 entry_word(u64 hash_value, u64 node) {
  return maps_hash_tag(hash_value) << MAPS_HASH_TAG_SHIFT | node;
}

inline u64 published_bit(u32 at) {
  return u64{1} << (MAPS_HASH_PUBLISHED_SHIFT + at);
}
// The control word after a change: `published` and `head` as given, one version on.
inline u64 next_control(u64 control, u64 published, u64 head) {
  return (published & ~(kControlVersionMask | kNodeMask)) | ((control + kSlotVersion) & kControlVersionMask) | head;
}

}  // namespace maps::hash_word
