// SPDX-License-Identifier: Apache-2.0
// runtime_maps.c — the element bodies under the names that MapOps::symbols gives, for the runtime bitcode.
//
// Each body is the map family's own; a program's call passes its map's address and shape as constants. Writers of hash
// and trie maps are functions of the maps library, which the JIT links by name.
#include "maps/array_inline.h"
#include "maps/bloom_inline.h"
#include "maps/hash_inline.h"
#include "maps/lpm_inline.h"
#include "maps/map_of_maps_inline.h"
#include "maps/redirect_inline.h"

#define MAP_LOOKUP(name)                                                                                             \
  void* map_##name##_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key) { \
    return maps_##name##_lookup(env, map, shape, key);                                                               \
  }
#define MAP_UPDATE(name)                                                                                             \
  int64_t map_##name##_update(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key, \
                              const void* value, uint64_t flags) {                                                   \
    return maps_##name##_update(env, map, shape, key, value, flags);                                                 \
  }
#define MAP_ERASE(name)                                                                                               \
  int64_t map_##name##_erase(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key) { \
    return maps_##name##_erase(env, map, shape, key);                                                                 \
  }
#define MAP_LOOKUP_PERCPU(name)                                                                          \
  void* map_##name##_lookup_percpu(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, \
                                   const void* key, uint32_t cpu) {                                      \
    return maps_##name##_lookup_percpu(env, map, shape, key, cpu);                                       \
  }
#define MAP_REDIRECT(name)                                                                                           \
  int64_t map_##name##_redirect(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, uint64_t key, \
                                uint64_t flags) {                                                                    \
    return maps_##name##_redirect(env, map, shape, key, flags);                                                      \
  }

#define MAP_EACH(name)                                                                                         \
  int64_t map_##name##_each(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,              \
                            const struct bpf_callback* visit, uint64_t ctx, uint64_t flags) {                  \
    return maps_##name##_each(env, map, shape, visit, ctx, flags);                                             \
  }

MAP_LOOKUP(array)
MAP_UPDATE(array)
MAP_EACH(array)

MAP_LOOKUP(percpu_array)
MAP_UPDATE(percpu_array)
MAP_EACH(percpu_array)
MAP_LOOKUP_PERCPU(percpu_array)

#define MAP_HASH(name, updates)                                                                                       \
  MAP_LOOKUP(name)                                                                                                    \
  int64_t map_##name##_update(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key,  \
                              const void* value, uint64_t flags) {                                                    \
    return updates(env, map, shape, key, value, flags);                                                               \
  }                                                                                                                   \
  int64_t map_##name##_erase(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key) { \
    return maps_hash_erase(env, map, shape, key);                                                                     \
  }

MAP_HASH(hash, maps_hash_put)
MAP_HASH(lru_hash, maps_lru_hash_put)
MAP_HASH(percpu_hash, maps_percpu_hash_put)
MAP_LOOKUP_PERCPU(percpu_hash)
MAP_HASH(lru_percpu_hash, maps_lru_percpu_hash_put)
MAP_LOOKUP_PERCPU(lru_percpu_hash)

MAP_LOOKUP(lpm_trie)
MAP_UPDATE(lpm_trie)
MAP_ERASE(lpm_trie)

MAP_LOOKUP(array_of_maps)
MAP_LOOKUP(hash_of_maps)

MAP_LOOKUP(devmap)
MAP_LOOKUP(devmap_hash)
MAP_REDIRECT(devmap)
MAP_REDIRECT(devmap_hash)
MAP_REDIRECT(cpumap)
MAP_REDIRECT(xskmap)

int64_t map_bloom_filter_push(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* value,
                              uint64_t flags) {
  return maps_bloom_filter_push(env, map, shape, value, flags);
}
int64_t map_bloom_filter_peek(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, void* value) {
  return maps_bloom_filter_peek(env, map, shape, value);
}
