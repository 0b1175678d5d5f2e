/* SPDX-License-Identifier: Apache-2.0 */
/* hash_inline.h — look-up in BPF_MAP_TYPE_HASH, PERCPU_HASH and their LRU forms; maps/hash_table.h has the writers.
 *
 *   bucket, one cache line                          node, never moves
 *   ┌──────┬──────┬──────┬─ … ─┬──────┬─────────┐   ┌──────────────┬────────────────┐
 *   │slot 0│slot 1│slot 2│     │slot 6│ control │   │ key, words   │ value, words   │
 *   └──────┴──────┴──────┴─ … ─┴──────┴─────────┘   └──────────────┴────────────────┘
 *   slot     tag 16 | version 20 | node 28 bits       node 0 is none; tag 0 marks a free slot (node 0) and a dead one
 *                                                     (all 28 bits)
 *   control  published 7 | version 29 | overflow 28   bit i: slot i counts; overflow: first line of the bucket's list
 *   An LRU node has one word more, before its key: {used 32, bucket hash 32}. A program's look-up sets `used`.
 *   overflow line: seven slots and, in the eighth word, the next line; immutable while it is linked
 *
 * A slot and its node belong together as long as the slot word stays the same: the version moves with every change. So
 * a look-up compares the key in the node and then looks at the slot again; a node that was given to another key in
 * between cannot pass for the one that was asked for.
 * Threads   look-up: any CPU, wait-free: it tries again after an interference, MAPS_HASH_TRIES_MAX times at most.
 * Lifetime  as Linux: an element deleted from a preallocated map is reused at once, its memory stays that of an
 *           element.
 * Cost      hit: 2 cache lines (bucket, key and value if they share one); miss: 1. With the load at most 4 per bucket,
 *           5 % of the buckets overflow when the table is full. perf/micro/maps
 */
#pragma once

#include <immintrin.h>
#include <stddef.h>

#include "bpf/abi/host/bpf_map.h"
#include "maps/words_inline.h"

enum {
  MAPS_HASH_SLOTS = 7,
  MAPS_HASH_CONTROL = 7, /* word of a line behind the slots: control word, or next overflow line */
  MAPS_HASH_LINE_WORDS = 8,
  MAPS_HASH_NODE_BITS = 28,
  MAPS_HASH_LANE_BYTES = 64,
  MAPS_HASH_REGISTER_BYTES = 64, /* keys up to this size are taken into registers once, at the start of a look-up */
  MAPS_HASH_TRIES_MAX = 64,      /* each needs a writer's change to this very bucket within some 10 ns */
};
#define MAPS_HASH_NODE_MASK ((1ull << MAPS_HASH_NODE_BITS) - 1)
#define MAPS_HASH_TAG_SHIFT 48
#define MAPS_HASH_PUBLISHED_SHIFT 57
#define MAPS_HASH_VERSION_MASK ((((uint64_t)1 << 20) - 1) << MAPS_HASH_NODE_BITS) /* of a slot */

/* What a table's nodes hold beside the key; a constant where a body is inlined. */
enum {
  MAPS_HASH_PERCPU = 1, /* no value: those lie beside the nodes */
  MAPS_HASH_LRU = 2,    /* one word before the key */
};

struct hash_map {
  struct bpf_map map;
  uint64_t* buckets; /* lines of 8 words, 64-byte aligned */
  uint64_t bucket_mask;
  uint64_t seed[2];
  uint64_t* overflow;     /* lines; 0 is none */
  uint8_t* nodes;         /* the key of node 0 */
  uint8_t* percpu_values; /* percpu_hash: CPU c, node n at c * cpu_stride + n * round_up(value_size, 8) */
  uint64_t cpu_stride;
  uint32_t cpu_count;
  uint32_t spare_lanes; /* 0: no spares of a lane's own */
  uint8_t* spares;      /* lane i's spare node at i * MAPS_HASH_LANE_BYTES: maps/hash_nodes.h */
};

#ifdef __cplusplus
extern "C" {
#endif
/* Out of line: the search in a bucket that overflows, or under interference. Returns a node number, 0: none. */
uint32_t maps_hash_find_slowly(struct hash_map* hash, uint32_t key_size, const void* key, uint64_t hash_value);

/* The writers; out of line as well. */
int64_t maps_hash_update(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key,
                         const void* value, uint64_t flags);
int64_t maps_percpu_hash_update(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key,
                                const void* value, uint64_t flags);
int64_t maps_hash_erase(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key);
int64_t maps_hash_each(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                       const struct bpf_callback* visit, uint64_t ctx, uint64_t flags);
#ifdef __cplusplus
}
#endif

#ifdef MAPS_TEST_POINTS
#include "maps/test_fault.h"
#include "maps/test_point.h"
#define MAPS_TEST_POINT() maps::test_point()
#define MAPS_SEEDED(fault) maps::seeded(fault)
#else
#define MAPS_TEST_POINT() ((void)0)
#define MAPS_SEEDED(fault) 0
#endif

#if defined(__SANITIZE_THREAD__)
#define MAPS_THREAD_SANITIZER
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MAPS_THREAD_SANITIZER
#endif
#endif

MAPS_INLINE uint64_t maps_hash_tag(uint64_t hash_value) {
  uint64_t tag = hash_value >> MAPS_HASH_TAG_SHIFT;
  return tag + (tag == 0);
}

/* Bytes from one node to the next. */
MAPS_INLINE uint64_t maps_hash_stride(struct bpf_map_shape shape, int form) {
  return (uint64_t)maps_round_up8(shape.key_size) +
         (form & MAPS_HASH_PERCPU ? 0 : (uint64_t)maps_round_up8(shape.value_size)) + (form & MAPS_HASH_LRU ? 8 : 0);
}

/* Bit 8 * i + 7: slot i has the tag. */
MAPS_INLINE uint64_t maps_hash_match(const uint64_t* line, uint64_t tag) {
#ifdef MAPS_THREAD_SANITIZER
  uint64_t match = 0; /* ThreadSanitizer does not know that aligned vector loads do not tear words */
  for (uint32_t i = 0; i < MAPS_HASH_SLOTS; i++)
    if (__atomic_load_n(&line[i], __ATOMIC_ACQUIRE) >> MAPS_HASH_TAG_SHIFT == tag) match |= 0x80ull << (8 * i);
  return match;
#else
  __m256i wanted = _mm256_set1_epi16((short)tag);
  __m256i low = _mm256_cmpeq_epi16(_mm256_load_si256((const __m256i*)line), wanted);
  __m256i high = _mm256_cmpeq_epi16(_mm256_load_si256((const __m256i*)line + 1), wanted);
  uint64_t bytes = (uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32;
  __atomic_signal_fence(__ATOMIC_ACQUIRE); /* the loads below come after; x86 keeps loads in order */
  return bytes & 0x0080808080808080ull;
#endif
}

/* The slow search needs an address. A copy made here and only here lets the caller's key stay in registers: a key whose
 * own address is taken lives on the stack, is written there in narrow pieces and read in wide ones, and every look-up
 * then waits for the store before it. */
MAPS_INLINE uint32_t maps_hash_leave_for_slow(struct hash_map* hash, uint32_t key_size, const void* key,
                                              uint64_t hash_value) {
  if (key_size > MAPS_HASH_REGISTER_BYTES) return maps_hash_find_slowly(hash, key_size, key, hash_value);
  uint64_t copy[MAPS_HASH_REGISTER_BYTES / 8];
  for (uint32_t i = 0; i < (key_size + 7) / 8; i++) copy[i] = ((const uint64_t*)key)[i];
  return maps_hash_find_slowly(hash, key_size, copy, hash_value);
}

/* Node number of `key`, or 0. A key of at most MAPS_HASH_REGISTER_BYTES is whole words here. */
MAPS_INLINE uint32_t maps_hash_find_words(struct hash_map* hash, struct bpf_map_shape shape, int form,
                                          const void* key) {
  uint64_t hash_value = maps_hash(key, shape.key_size, hash->seed);
  const uint64_t* line = hash->buckets + (hash_value & hash->bucket_mask) * MAPS_HASH_LINE_WORDS;
  uint64_t match = maps_hash_match(line, maps_hash_tag(hash_value));
  while (match) {
    uint32_t at = (uint32_t)__builtin_ctzll(match) / 8;
    uint64_t slot = __atomic_load_n(&line[at], __ATOMIC_ACQUIRE);
    /* A slot that has died since holds no node to look at. */
    if (__builtin_expect(slot >> MAPS_HASH_TAG_SHIFT != maps_hash_tag(hash_value), 0)) goto slow;
    uint64_t node = slot & MAPS_HASH_NODE_MASK;
    const uint64_t* stored = (const uint64_t*)(hash->nodes + node * maps_hash_stride(shape, form));
    MAPS_TEST_POINT();
    int equal = maps_key_equal(stored, key, shape.key_size);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint64_t control = __atomic_load_n(&line[MAPS_HASH_CONTROL], __ATOMIC_ACQUIRE);
    uint64_t again = MAPS_SEEDED("look_once") ? slot : __atomic_load_n(&line[at], __ATOMIC_RELAXED);
    if (__builtin_expect(again != slot, 0)) goto slow;
    if (__builtin_expect(equal && (control >> (MAPS_HASH_PUBLISHED_SHIFT + at) & 1), 1)) return (uint32_t)node;
    match &= match - 1;
  }
  if (__builtin_expect((__atomic_load_n(&line[MAPS_HASH_CONTROL], __ATOMIC_ACQUIRE) & MAPS_HASH_NODE_MASK) == 0, 1))
    return 0;
slow:
  return maps_hash_leave_for_slow(hash, shape.key_size, key, hash_value);
}

MAPS_INLINE uint32_t maps_hash_find(struct hash_map* hash, struct bpf_map_shape shape, int form, const void* key) {
  if (shape.key_size > MAPS_HASH_REGISTER_BYTES) return maps_hash_find_words(hash, shape, form, key);
  uint64_t words[MAPS_HASH_REGISTER_BYTES / 8];
  for (uint32_t i = 0; i < (shape.key_size + 7) / 8; i++) words[i] = maps_load_word(key, shape.key_size, i);
  return maps_hash_find_words(hash, shape, form, words);
}

/* The words before an LRU node's key. */
MAPS_INLINE uint32_t* maps_lru_used(uint8_t* key) {
  return (uint32_t*)(key - 8);
}
MAPS_INLINE uint32_t* maps_lru_hash(uint8_t* key) {
  return (uint32_t*)(key - 4);
}

/* The line is written only when that changes something: a hot element's stays shared between the CPUs. */
MAPS_INLINE void maps_lru_touch(uint8_t* key) {
  if (!__atomic_load_n(maps_lru_used(key), __ATOMIC_RELAXED))
    __atomic_store_n(maps_lru_used(key), 1u, __ATOMIC_RELAXED);
}

/* The look-ups of all forms. `form` is a constant. */
MAPS_INLINE uint8_t* maps_hash_find_key(struct hash_map* hash, struct bpf_map_shape shape, int form, const void* key,
                                        uint32_t* node) {
  *node = maps_hash_find(hash, shape, form, key);
  if (!*node) return NULL;
  uint8_t* stored = hash->nodes + *node * maps_hash_stride(shape, form);
  if (form & MAPS_HASH_LRU) maps_lru_touch(stored);
  return stored;
}

MAPS_INLINE void* maps_hash_value(struct bpf_map* map, struct bpf_map_shape shape, int form, const void* key) {
  uint32_t node;
  uint8_t* stored = maps_hash_find_key((struct hash_map*)map, shape, form, key, &node);
  return stored ? stored + maps_round_up8(shape.key_size) : NULL;
}

MAPS_INLINE void* maps_percpu_hash_value(struct hash_map* hash, struct bpf_map_shape shape, uint32_t node,
                                         uint32_t cpu) {
  return hash->percpu_values + cpu * hash->cpu_stride + (uint64_t)node * maps_round_up8(shape.value_size);
}

MAPS_INLINE void* maps_percpu_hash_value_of(struct bpf_map* map, struct bpf_map_shape shape, int form, const void* key,
                                            uint32_t cpu) {
  struct hash_map* hash = (struct hash_map*)map;
  uint32_t node;
  return maps_hash_find_key(hash, shape, form, key, &node) ? maps_percpu_hash_value(hash, shape, node, cpu) : NULL;
}

MAPS_INLINE void* maps_hash_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                   const void* key) {
  (void)env;
  return maps_hash_value(map, shape, 0, key);
}

MAPS_INLINE void* maps_lru_hash_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                       const void* key) {
  (void)env;
  return maps_hash_value(map, shape, MAPS_HASH_LRU, key);
}

MAPS_INLINE void* maps_percpu_hash_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                          const void* key) {
  return maps_percpu_hash_value_of(map, shape, MAPS_HASH_PERCPU, key, env->cpu);
}

MAPS_INLINE void* maps_lru_percpu_hash_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                              const void* key) {
  return maps_percpu_hash_value_of(map, shape, MAPS_HASH_PERCPU | MAPS_HASH_LRU, key, env->cpu);
}

MAPS_INLINE void* maps_percpu_hash_lookup_percpu(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                                 const void* key, uint32_t cpu) {
  (void)env;
  if (cpu >= ((struct hash_map*)map)->cpu_count) return NULL;
  return maps_percpu_hash_value_of(map, shape, MAPS_HASH_PERCPU, key, cpu);
}

MAPS_INLINE void* maps_lru_percpu_hash_lookup_percpu(struct bpf_env* env, struct bpf_map* map,
                                                     struct bpf_map_shape shape, const void* key, uint32_t cpu) {
  (void)env;
  if (cpu >= ((struct hash_map*)map)->cpu_count) return NULL;
  return maps_percpu_hash_value_of(map, shape, MAPS_HASH_PERCPU | MAPS_HASH_LRU, key, cpu);
}

/* The writers' short ways: BPF_ANY or BPF_EXIST on a key that is in its bucket, with all sizes constants. Everything
 * else is left to the functions above. The key goes there as a copy, as in maps_hash_leave_for_slow. */
MAPS_INLINE int maps_hash_overwrites(uint64_t flags) {
  return flags == 0 || flags == 2;
}

MAPS_INLINE int64_t maps_percpu_hash_overwrite(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                               int form, const void* key, const void* value, uint64_t flags) {
  if (shape.key_size > MAPS_HASH_REGISTER_BYTES) return maps_percpu_hash_update(env, map, shape, key, value, flags);
  uint64_t words[MAPS_HASH_REGISTER_BYTES / 8];
  for (uint32_t i = 0; i < (shape.key_size + 7) / 8; i++) words[i] = maps_load_word(key, shape.key_size, i);
  if (maps_hash_overwrites(flags)) {
    uint64_t* at = (uint64_t*)maps_percpu_hash_value_of(map, shape, form, words, env->cpu);
    if (at) {
      maps_store_bytes(at, value, shape.value_size);
      return 0;
    }
  }
  uint64_t copy[MAPS_HASH_REGISTER_BYTES / 8];
  for (uint32_t i = 0; i < (shape.key_size + 7) / 8; i++) copy[i] = words[i];
  return maps_percpu_hash_update(env, map, shape, copy, value, flags);
}

/* Where the key is in its bucket, and the slot's word; -1: not there, or not certain. */
MAPS_INLINE int maps_hash_seek(struct hash_map* hash, struct bpf_map_shape shape, int form, const uint64_t* line,
                               uint64_t tag, const void* key, uint64_t* slot) {
  for (uint64_t match = maps_hash_match(line, tag); match; match &= match - 1) {
    int at = __builtin_ctzll(match) / 8;
    *slot = __atomic_load_n(&line[at], __ATOMIC_ACQUIRE);
    if (__builtin_expect(*slot >> MAPS_HASH_TAG_SHIFT != tag, 0)) return -1;
    const uint8_t* stored = hash->nodes + (*slot & MAPS_HASH_NODE_MASK) * maps_hash_stride(shape, form);
    int equal = maps_key_equal((const uint64_t*)stored, key, shape.key_size);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    uint64_t control = __atomic_load_n(&line[MAPS_HASH_CONTROL], __ATOMIC_ACQUIRE);
    if (equal && (control >> (MAPS_HASH_PUBLISHED_SHIFT + at) & 1)) return at; /* the swap below judges the slot */
  }
  return -1;
}

/* Writes the lane's spare node and swaps it in. 0: nothing has changed. */
MAPS_INLINE int maps_hash_swap_in(struct bpf_env* env, struct hash_map* hash, struct bpf_map_shape shape, int form,
                                  const uint64_t* words, const void* value) {
  uint64_t hash_value = maps_hash(words, shape.key_size, hash->seed);
  uint64_t* line = hash->buckets + (hash_value & hash->bucket_mask) * MAPS_HASH_LINE_WORDS;
  uint64_t slot = 0;
  int at = maps_hash_seek(hash, shape, form, line, maps_hash_tag(hash_value), words, &slot);
  if (at < 0 || env->cpu >= hash->spare_lanes) return 0;
  uint32_t* lane = (uint32_t*)(hash->spares + (uint64_t)env->cpu * MAPS_HASH_LANE_BYTES);
  uint32_t spare = __atomic_exchange_n(lane, 0, __ATOMIC_ACQUIRE);
  if (!spare) return 0;
  MAPS_TEST_POINT();
  uint8_t* node = hash->nodes + spare * maps_hash_stride(shape, form);
  maps_store_bytes((uint64_t*)node, words, shape.key_size);
  maps_store_bytes((uint64_t*)(node + maps_round_up8(shape.key_size)), value, shape.value_size);
  if (form & MAPS_HASH_LRU) {
    __atomic_store_n(maps_lru_hash(node), (uint32_t)hash_value, __ATOMIC_RELAXED);
    __atomic_store_n(maps_lru_used(node), 1u, __ATOMIC_RELAXED);
  }
  uint64_t version = (slot + ((uint64_t)1 << MAPS_HASH_NODE_BITS)) & MAPS_HASH_VERSION_MASK;
  uint64_t entry = maps_hash_tag(hash_value) << MAPS_HASH_TAG_SHIFT | version | spare;
  uint64_t expected = slot;
  MAPS_TEST_POINT();
  int done = __atomic_compare_exchange_n(&line[at], &expected, entry, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
  __atomic_store_n(lane, done ? (uint32_t)(slot & MAPS_HASH_NODE_MASK) : spare, __ATOMIC_RELEASE);
  return done;
}

MAPS_INLINE int64_t maps_hash_overwrite(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, int form,
                                        const void* key, const void* value, uint64_t flags) {
  if (shape.key_size > MAPS_HASH_REGISTER_BYTES) return maps_hash_update(env, map, shape, key, value, flags);
  uint64_t words[MAPS_HASH_REGISTER_BYTES / 8];
  for (uint32_t i = 0; i < (shape.key_size + 7) / 8; i++) words[i] = maps_load_word(key, shape.key_size, i);
  if (maps_hash_overwrites(flags) && maps_hash_swap_in(env, (struct hash_map*)map, shape, form, words, value)) return 0;
  uint64_t copy[MAPS_HASH_REGISTER_BYTES / 8];
  for (uint32_t i = 0; i < (shape.key_size + 7) / 8; i++) copy[i] = words[i];
  return maps_hash_update(env, map, shape, copy, value, flags);
}

#define MAPS_HASH_OVERWRITE(name, overwrite, form)                                                            \
  MAPS_INLINE int64_t maps_##name##_put(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, \
                                        const void* key, const void* value, uint64_t flags) {                 \
    return overwrite(env, map, shape, form, key, value, flags);                                               \
  }
MAPS_HASH_OVERWRITE(hash, maps_hash_overwrite, 0)
MAPS_HASH_OVERWRITE(lru_hash, maps_hash_overwrite, MAPS_HASH_LRU)
MAPS_HASH_OVERWRITE(percpu_hash, maps_percpu_hash_overwrite, MAPS_HASH_PERCPU)
MAPS_HASH_OVERWRITE(lru_percpu_hash, maps_percpu_hash_overwrite, MAPS_HASH_PERCPU | MAPS_HASH_LRU)
