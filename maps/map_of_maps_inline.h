/* SPDX-License-Identifier: Apache-2.0 */
/* map_of_maps_inline.h — look-ups in BPF_MAP_TYPE_ARRAY_OF_MAPS and BPF_MAP_TYPE_HASH_OF_MAPS: the inner map, or NULL.
 *
 * Threads   any, wait-free.
 * Lifetime  the inner map is good until the reader's next quiescent point.
 * Cost      array: one load. hash: the look-up of maps/hash_inline.h and one load.
 */
#pragma once

#include "maps/array_inline.h"
#include "maps/hash_inline.h"

MAPS_INLINE void* maps_array_of_maps_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                            const void* key) {
  (void)env;
  uint32_t index = maps_array_index(key);
  if (__builtin_expect(index >= shape.max_entries, 0)) return NULL;
  return __atomic_load_n(&((struct bpf_map_slots*)map)->slots[index], __ATOMIC_ACQUIRE);
}

MAPS_INLINE void* maps_hash_of_maps_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                           const void* key) {
  struct bpf_map** inner = (struct bpf_map**)maps_hash_lookup(env, map, shape, key);
  return inner ? __atomic_load_n(inner, __ATOMIC_ACQUIRE) : NULL;
}
