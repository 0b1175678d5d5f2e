/* SPDX-License-Identifier: Apache-2.0 */
/* bloom_inline.h — BPF_MAP_TYPE_BLOOM_FILTER: was this value perhaps pushed, or certainly not?
 *
 *   bits   2^n bits, at least 7/5 * max_entries * hashes of them, as in Linux
 *   value ─► one 64-bit hash ─► bits h, h + s, h + 2s, … (h its low half, s its high half made odd): `hashes` of them
 *
 * Threads   any. push sets bits with atomic OR; a peek beside it finds the value or does not; later ones find it.
 * Errors    push: -EINVAL unknown flag. peek: -ENOENT certainly not there. Nothing is ever deleted.
 * Cost      peek: one hash; absent: two cache lines of the filter in the mean; present: one for each hash, in parallel.
 *           push the same, and a locked operation for each bit that was not set.
 * Source    bpf(2), Documentation/bpf/map_bloom_filter; Kirsch and Mitzenmacher, "Less hashing, same performance",
 *           2006.
 */
#pragma once

#include <errno.h>

#include "bpf/abi/host/bpf_map.h"
#include "maps/words_inline.h"

struct bloom_map {
  struct bpf_map map;
  uint64_t* words;
  uint64_t bit_mask; /* number of bits - 1 */
  uint64_t seed[2];
  uint32_t hashes;
};

struct maps_bloom_walk {
  uint64_t bit;
  uint64_t step;
};

MAPS_INLINE struct maps_bloom_walk maps_bloom_begin(const struct bloom_map* bloom, struct bpf_map_shape shape,
                                                    const void* value) {
  uint64_t hash = maps_hash(value, shape.value_size, bloom->seed);
  struct maps_bloom_walk walk = {hash & 0xffffffff, hash >> 32 | 1};
  return walk;
}

MAPS_INLINE int64_t maps_bloom_filter_push(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                           const void* value, uint64_t flags) {
  (void)env;
  struct bloom_map* bloom = (struct bloom_map*)map;
  if (flags) return -EINVAL;
  struct maps_bloom_walk at = maps_bloom_begin(bloom, shape, value);
  for (uint32_t i = 0; i < bloom->hashes; i++, at.bit += at.step) {
    uint64_t* word = &bloom->words[(at.bit & bloom->bit_mask) / 64];
    uint64_t bit = 1ull << (at.bit & 63);
    if (!(maps_atomic_load(word) & bit)) __atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
  }
  return 0;
}

MAPS_INLINE int64_t maps_bloom_filter_peek(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                           void* value) {
  (void)env;
  struct bloom_map* bloom = (struct bloom_map*)map;
  struct maps_bloom_walk at = maps_bloom_begin(bloom, shape, value);
  for (uint32_t i = 0; i < bloom->hashes; i++, at.bit += at.step)
    if (!(maps_atomic_load(&bloom->words[(at.bit & bloom->bit_mask) / 64]) >> (at.bit & 63) & 1)) return -ENOENT;
  return 0;
}
