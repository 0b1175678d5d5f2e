/* SPDX-License-Identifier: Apache-2.0 */
/* redirect_inline.h — maps that packets are sent through: BPF_MAP_TYPE_DEVMAP, DEVMAP_HASH, CPUMAP, XSKMAP.
 *
 * Threads   any; an entry is one word, replaced with one store.
 * Errors    bpf_redirect_map: XDP_ABORTED for unknown flags; on a miss the verdict in the low two bits of the flags.
 * Cost      one load; DEVMAP_HASH: a bucket, the key and the entry.
 */
#pragma once

#include <stddef.h>

#include "bpf/abi/host/bpf_map.h"
#include "maps/id_hash_inline.h"
#include "maps/words_inline.h"

/* The numbers are bpf/abi's; its headers are C++. */
enum {
  MAPS_XDP_ABORTED = 0,
  MAPS_XDP_REDIRECT = 4,
  MAPS_REDIRECT_MISS_MASK = 3,  /* XDP_ABORTED, XDP_DROP, XDP_PASS or XDP_TX */
  MAPS_REDIRECT_BROADCAST = 8,  /* BPF_F_BROADCAST */
  MAPS_REDIRECT_FLAGS = 8 | 16, /* ... and BPF_F_EXCLUDE_INGRESS */
};

MAPS_INLINE void* maps_devmap_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                     const void* key) {
  (void)env;
  uint32_t index;
  __builtin_memcpy(&index, key, 4);
  if (index >= shape.max_entries) return NULL;
  uint64_t* entry = &((struct bpf_id_map*)map)->entries[index];
  return maps_atomic_load(entry) ? entry : NULL;
}

/* What bpf_redirect_map() leaves behind for an entry that was found, or was not. */
MAPS_INLINE int64_t maps_redirect_to(struct bpf_env* env, struct bpf_map* map, uint32_t kind, uint64_t entry,
                                     uint64_t flags) {
  if (!entry && !(flags & MAPS_REDIRECT_BROADCAST)) {
    env->redirect.kind = BPF_REDIRECT_NONE;
    return (int64_t)(flags & MAPS_REDIRECT_MISS_MASK);
  }
  env->redirect.kind = kind;
  env->redirect.target = flags & MAPS_REDIRECT_BROADCAST ? 0 : (uint32_t)entry;
  env->redirect.map_id = map->id;
  env->redirect.flags = (uint32_t)flags & MAPS_REDIRECT_FLAGS;
  return MAPS_XDP_REDIRECT;
}

/* The same for a device, whose entry may name a program. */
MAPS_INLINE int64_t maps_redirect_to_device(struct bpf_env* env, struct bpf_map* map, uint64_t entry, uint64_t flags) {
  const int64_t verdict = maps_redirect_to(env, map, BPF_REDIRECT_MAP, entry, flags);
  if (__builtin_expect(entry >> 32 && !(flags & MAPS_REDIRECT_BROADCAST), 0)) {
    env->redirect.map_id = (uint32_t)(entry >> 32);
    env->redirect.flags |= BPF_REDIRECT_ENTRY_PROG;
  }
  return verdict;
}

MAPS_INLINE uint64_t maps_redirect_entry(struct bpf_map* map, struct bpf_map_shape shape, uint64_t key) {
  uint32_t index = (uint32_t)key;
  return index < shape.max_entries ? maps_atomic_load(&((struct bpf_id_map*)map)->entries[index]) : 0;
}

MAPS_INLINE int64_t maps_devmap_redirect(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                         uint64_t key, uint64_t flags) {
  if (__builtin_expect(flags & ~(uint64_t)(MAPS_REDIRECT_FLAGS | MAPS_REDIRECT_MISS_MASK), 0)) return MAPS_XDP_ABORTED;
  return maps_redirect_to_device(env, map, maps_redirect_entry(map, shape, key), flags);
}

MAPS_INLINE int64_t maps_devmap_hash_redirect(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                              uint64_t key, uint64_t flags) {
  if (__builtin_expect(flags & ~(uint64_t)(MAPS_REDIRECT_FLAGS | MAPS_REDIRECT_MISS_MASK), 0)) return MAPS_XDP_ABORTED;
  uint32_t number = (uint32_t)key;
  shape.key_size = sizeof number; /* as the map was made; here it is a constant */
  uint64_t* entry = maps_id_hash_find((struct id_hash_map*)map, shape, &number);
  return maps_redirect_to_device(env, map, entry ? maps_atomic_load(entry) : 0, flags);
}

MAPS_INLINE void* maps_devmap_hash_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                          const void* key) {
  (void)env;
  return maps_id_hash_find((struct id_hash_map*)map, shape, key);
}

/* The target is the CPU; the data path asks the entry how long its queue is and which program runs there. */
MAPS_INLINE int64_t maps_cpumap_redirect(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                         uint64_t key, uint64_t flags) {
  if (__builtin_expect(flags & ~(uint64_t)MAPS_REDIRECT_MISS_MASK, 0)) return MAPS_XDP_ABORTED;
  int64_t verdict = maps_redirect_to(env, map, BPF_REDIRECT_CPU, maps_redirect_entry(map, shape, key), flags);
  env->redirect.target = (uint32_t)key;
  return verdict;
}

MAPS_INLINE int64_t maps_xskmap_redirect(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                         uint64_t key, uint64_t flags) {
  if (__builtin_expect(flags & ~(uint64_t)MAPS_REDIRECT_MISS_MASK, 0)) return MAPS_XDP_ABORTED;
  return maps_redirect_to(env, map, BPF_REDIRECT_XSK, maps_redirect_entry(map, shape, key), flags);
}
