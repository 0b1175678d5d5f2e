// SPDX-License-Identifier: Apache-2.0
// hash_evict.cc — an LRU table makes room: one entry goes, and its node is the new one's.
#include "maps/hash_table.h"
#include "maps/hash_words.h"
#include "maps/test_fault.h"

namespace maps {

using namespace hash_word;

// A node that was an entry's, or one that has become free meanwhile: other CPUs' updates move entries out of this part,
// so that a thread that was stopped on its way here may find no entry in it. 0: others have all of it in their hands.
u32 HashTable::evict(u32 lane) noexcept {
  const u32 nodes_count = store_.nodes_per_part();
  if (const u32 node = evict_within(lane, LruHands::kChances, true)) return node;
  for (u32 round = 0; round < LruHands::kRounds; ++round) {
    if (const u32 node = store_.take_entry(lane).number) return node;
    if (const u32 node = evict_within(lane, 2 * nodes_count, false)) return node;
  }
  return 0;
}

// The first of the next `tries` nodes that goes; `second_chance`: not one that was used since the hand came by.
u32 HashTable::evict_within(u32 lane, u32 tries, bool second_chance) noexcept {
  const u32 part = store_.part_of_lane(lane);
  for (; tries > 0; --tries) {
    const u32 node = store_.first_of(part) + hands_.next(part, lane) % store_.nodes_per_part();
    u32* used = maps_lru_used(nodes + node * stride_);
    if (second_chance && __atomic_load_n(used, __ATOMIC_RELAXED) != 0) {
      __atomic_store_n(used, 0, __ATOMIC_RELAXED);
      continue;
    }
    if (evict_node(node)) return node;
  }
  return 0;
}

// False: the node is no entry's just now, or somebody else is changing it. Which key it holds does not matter: the slot
// that names it has not changed when it dies.
bool HashTable::evict_node(u32 node) noexcept {
  u64* bucket = bucket_of(__atomic_load_n(maps_lru_hash(nodes + node * stride_), __ATOMIC_RELAXED));
  const u64 control = load(&bucket[kControl]);
  for (u32 at = 0; at < kSlots; ++at) {
    const u64 slot = load(&bucket[at]);
    if (node_of(slot) != node || tag_of(slot) == 0) continue;
    read_fence();
    if ((load(&bucket[kControl]) & published_bit(at)) == 0 && !seeded("evict_unpublished")) return false;
    return unlink({bucket, control, &bucket[at], slot, node, 0}) == 0;
  }
  for (u64 line = node_of(control); line != 0; line = node_of(load(&line_of(line)[kControl]))) {
    for (u32 at = 0; at < kSlots; ++at) {
      u64* word = &line_of(line)[at];
      const u64 entry = load(word);
      read_fence();
      if (load(&bucket[kControl]) != control) return false;
      if (entry == 0) break;
      if (node_of(entry) == node) return unlink({bucket, control, word, entry, node, static_cast<u32>(line)}) == 0;
    }
  }
  return false;
}

}  // namespace maps
