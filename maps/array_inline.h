/* SPDX-License-Identifier: Apache-2.0 */
/* array_inline.h — element bodies of BPF_MAP_TYPE_ARRAY and BPF_MAP_TYPE_PERCPU_ARRAY.
 *
 *   array         values ─► [value 0][value 1] … one after the other, round_up(value_size, 8) bytes apart
 *   percpu_array  values ─► CPU 0: [value 0][value 1] … | CPU 1: [value 0][value 1] … ; cpu_stride bytes per CPU,
 *                 a multiple of the cache line, so that no two CPUs write one line
 *
 * Threads   any; an element is there from creation to the map's end.
 * Errors    -EINVAL unknown flag or BPF_F_LOCK without a lock in the value, -E2BIG index, -EEXIST with BPF_NOEXIST.
 * Cost      look-up: no memory but the element itself.
 */
#pragma once

#include <errno.h>
#include <stddef.h>

#include "bpf/abi/host/bpf_map.h"
#include "maps/words_inline.h"

struct array_map {
  struct bpf_map map;
  uint8_t* values;
  uint64_t cpu_stride; /* percpu_array */
  uint32_t cpu_count;  /* percpu_array */
};

MAPS_INLINE uint32_t maps_array_index(const void* key) {
  uint32_t index;
  __builtin_memcpy(&index, key, 4);
  return index;
}

/* BPF_ANY 0, BPF_NOEXIST 1, BPF_EXIST 2, each perhaps with BPF_F_LOCK 4. Every element exists, and none has a lock. */
MAPS_INLINE int64_t maps_array_judge(struct bpf_map_shape shape, uint32_t index, uint64_t flags) {
  if ((flags & ~4ull) > 2) return -EINVAL;
  if (index >= shape.max_entries) return -E2BIG;
  if (flags & 1) return -EEXIST;
  if (flags & 4) return -EINVAL;
  return 0;
}

MAPS_INLINE void* maps_array_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                    const void* key) {
  (void)env;
  uint32_t index = maps_array_index(key);
  if (__builtin_expect(index >= shape.max_entries, 0)) return NULL;
  return ((struct array_map*)map)->values + (uint64_t)index * maps_round_up8(shape.value_size);
}

MAPS_INLINE int64_t maps_array_update(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                      const void* key, const void* value, uint64_t flags) {
  int64_t error = maps_array_judge(shape, maps_array_index(key), flags);
  if (error) return error;
  maps_store_bytes((uint64_t*)maps_array_lookup(env, map, shape, key), value, shape.value_size);
  return 0;
}

MAPS_INLINE void* maps_percpu_array_lookup_percpu(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                                  const void* key, uint32_t cpu) {
  (void)env;
  struct array_map* array = (struct array_map*)map;
  uint32_t index = maps_array_index(key);
  if (__builtin_expect(index >= shape.max_entries || cpu >= array->cpu_count, 0)) return NULL;
  return array->values + cpu * array->cpu_stride + (uint64_t)index * maps_round_up8(shape.value_size);
}

MAPS_INLINE void* maps_percpu_array_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                           const void* key) {
  struct array_map* array = (struct array_map*)map;
  uint32_t index = maps_array_index(key);
  if (__builtin_expect(index >= shape.max_entries, 0)) return NULL;
  /* env->cpu is a possible CPU: who holds a BPF CPU token holds a valid one. */
  return array->values + env->cpu * array->cpu_stride + (uint64_t)index * maps_round_up8(shape.value_size);
}

MAPS_INLINE int64_t maps_percpu_array_update(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                             const void* key, const void* value, uint64_t flags) {
  int64_t error = maps_array_judge(shape, maps_array_index(key), flags);
  if (error) return error;
  maps_store_bytes((uint64_t*)maps_percpu_array_lookup(env, map, shape, key), value, shape.value_size);
  return 0;
}

/* `find` is the type's own look-up, a constant where this is inlined. */
MAPS_INLINE int64_t maps_visit_indexes(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                       const struct bpf_callback* visit, uint64_t ctx, uint64_t flags,
                                       void* (*find)(struct bpf_env*, struct bpf_map*, struct bpf_map_shape,
                                                     const void*)) {
  if (flags) return -EINVAL;
  for (uint32_t index = 0; index < shape.max_entries; index++) {
    uint32_t key = index; /* the program may not write it, and yet it is lent */
    void* value = find(env, map, shape, &key);
    if (visit->call(visit, (uintptr_t)map, (uintptr_t)&key, (uintptr_t)value, ctx, 0, env)) return (int64_t)index + 1;
  }
  return shape.max_entries;
}

MAPS_INLINE int64_t maps_array_each(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                    const struct bpf_callback* visit, uint64_t ctx, uint64_t flags) {
  return maps_visit_indexes(env, map, shape, visit, ctx, flags, maps_array_lookup);
}

MAPS_INLINE int64_t maps_percpu_array_each(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                           const struct bpf_callback* visit, uint64_t ctx, uint64_t flags) {
  return maps_visit_indexes(env, map, shape, visit, ctx, flags, maps_percpu_array_lookup);
}
