/* SPDX-License-Identifier: Apache-2.0 */
/* devmap_inline.h — what a program does with BPF_MAP_TYPE_DEVMAP: look an entry up, send a packet to it.
 *
 * Threads   any; an entry is one word, replaced with one store.
 * Errors    bpf_redirect_map: XDP_ABORTED for unknown flags; on a miss the verdict in the low two bits of the flags.
 * Cost      one load.
 */
#pragma once

#include <stddef.h>

#include "bpf/abi/host/bpf_map.h"
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
  uint64_t* entry = &((struct bpf_devmap*)map)->entries[index];
  return maps_atomic_load(entry) ? entry : NULL;
}

MAPS_INLINE int64_t maps_devmap_redirect(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                         uint64_t key, uint64_t flags) {
  if (__builtin_expect(flags & ~(uint64_t)(MAPS_REDIRECT_FLAGS | MAPS_REDIRECT_MISS_MASK), 0)) return MAPS_XDP_ABORTED;
  uint32_t index = (uint32_t)key;
  uint64_t entry = index < shape.max_entries ? maps_atomic_load(&((struct bpf_devmap*)map)->entries[index]) : 0;
  if (!entry && !(flags & MAPS_REDIRECT_BROADCAST)) {
    env->redirect.kind = BPF_REDIRECT_NONE;
    return (int64_t)(flags & MAPS_REDIRECT_MISS_MASK);
  }
  env->redirect.kind = BPF_REDIRECT_MAP;
  env->redirect.target = flags & MAPS_REDIRECT_BROADCAST ? 0 : (uint32_t)entry;
  env->redirect.map_id = map->id;
  env->redirect.flags = (uint32_t)flags & MAPS_REDIRECT_FLAGS;
  return MAPS_XDP_REDIRECT;
}
