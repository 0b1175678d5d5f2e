/* SPDX-License-Identifier: Apache-2.0 */
/* id_hash_inline.h — look-up in the hash maps that hold objects by id: BPF_MAP_TYPE_DEVMAP_HASH, SOCKHASH.
 *
 *   buckets  hash & mask ─► slot ─► next[slot] ─► … ─► end      slot numbers from 1; the end names its bucket
 *   slot s   key words at keys + (s - 1) * key words, its id in entries[s - 1]
 *
 * Threads   look-up: any CPU. Writers are control threads (maps/id_hash.h). Whoever stands on a slot while it moves to
 *           another list comes to an end that names another bucket, and looks again: each time costs the writer an
 *           update of a full map, and after MAPS_ID_HASH_LOOKS times it is a miss.
 * Lifetime  a slot is reused after a grace period, unless there is no other.
 * Cost      hit: bucket, key, entry; two to an entry on the list are as many cache lines more.
 */
#pragma once

#include <stddef.h>

#include "bpf/abi/host/bpf_map.h"
#include "maps/words_inline.h"

struct id_hash_map {
  struct bpf_id_map ids;
  uint32_t* buckets;
  uint32_t* next; /* of slot s in next[s - 1] */
  uint64_t* keys;
  uint64_t seed[2];
  uint32_t bucket_mask;
};

enum { MAPS_ID_HASH_LOOKS = 1024 };
#define MAPS_ID_HASH_END 0x80000000u /* | the bucket whose list ends here; a bucket that never had a slot holds 0 */

MAPS_INLINE int maps_id_hash_is_end(uint32_t link) { return link == 0 || link & MAPS_ID_HASH_END; }

/* The entry of `key`, or NULL. */
MAPS_INLINE uint64_t* maps_id_hash_find(struct id_hash_map* hash, struct bpf_map_shape shape, const void* key) {
  const uint32_t bucket = (uint32_t)(maps_hash(key, shape.key_size, hash->seed) & hash->bucket_mask);
  for (uint32_t looks = 0; looks < MAPS_ID_HASH_LOOKS; looks++) {
    uint32_t slot = __atomic_load_n(&hash->buckets[bucket], __ATOMIC_ACQUIRE);
    for (uint32_t steps = 0; !maps_id_hash_is_end(slot) && steps < shape.max_entries; steps++) {
      const uint64_t* stored = hash->keys + (uint64_t)(slot - 1) * (maps_round_up8(shape.key_size) / 8);
      if (maps_key_equal(stored, key, shape.key_size)) {
        uint64_t* entry = &hash->ids.entries[slot - 1];
        return __atomic_load_n(entry, __ATOMIC_ACQUIRE) ? entry : NULL;
      }
      slot = __atomic_load_n(&hash->next[slot - 1], __ATOMIC_ACQUIRE);
    }
    if (__builtin_expect(slot == 0 || slot == (MAPS_ID_HASH_END | bucket), 1)) return NULL;
  }
  return NULL;
}
