/* SPDX-License-Identifier: Apache-2.0 */
/* lpm_inline.h — look-up in BPF_MAP_TYPE_LPM_TRIE; maps/lpm_trie.h has the writers.
 *
 * A trie of six bits per node. A node knows the prefixes that end in it by their length 1 … 6 from the node on, and has
 * one child per six bits that go on:
 *   ┌────────────┬───────────┬───────────────┬──────────────────────────────────────────┐
 *   │ inner, 62  │ full, 64  │ children, 64  │ refs: children …, inner …, full …        │
 *   └────────────┴───────────┴───────────────┴──────────────────────────────────────────┘
 *     inner     bit 2^n - 2 + b: a prefix of n bits (1 … 5) that read b      -> its element
 *     full      bit b: a prefix of six bits that read b                      -> its element
 *     children  bit b: longer prefixes begin with b                          -> a node
 *   ref of a bit: the rank of the bit in its word, behind the refs of the words before.
 * The prefix of length 0 lies in the root word, beside the root node: root = node | element of /0 << 32.
 * Nodes are immutable: a writer copies the path from the root and swaps the root word, so a look-up sees one state of
 * the whole trie.
 * Node refs: size class in the upper 4 bits, number in the lower 28.
 *
 * Threads   look-up: any CPU, wait-free.
 * Lifetime  an element is good until the reader's next quiescent point.
 * Cost      one cache line, for large nodes two, for every six bits that longer prefixes share, and the element.
 * Source    tree bitmap (Eatherton, Varghese, Dittia 2004).
 */
#pragma once

#include <stddef.h>

#include "bpf/abi/host/bpf_map.h"
#include "maps/words_inline.h"

enum { MAPS_LPM_STRIDE = 6, MAPS_LPM_CLASSES = 5, MAPS_LPM_CLASS_SHIFT = 28 };
#define MAPS_LPM_NUMBER_MASK ((1u << MAPS_LPM_CLASS_SHIFT) - 1)

struct lpm_node {
  uint64_t inner;
  uint64_t full;
  uint64_t children;
  uint32_t refs[];
};

struct lpm_map {
  struct bpf_map map;
  uint64_t root;
  uint8_t* elements; /* each: value, key; both whole words */
  uint64_t element_stride;
  uint8_t* nodes[MAPS_LPM_CLASSES];
  uint32_t node_stride[MAPS_LPM_CLASSES];
};

#ifdef __cplusplus
extern "C" {
#endif
int64_t maps_lpm_trie_update(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key,
                             const void* value, uint64_t flags);
int64_t maps_lpm_trie_erase(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape, const void* key);
#ifdef __cplusplus
}
#endif

MAPS_INLINE const struct lpm_node* maps_lpm_node(const struct lpm_map* trie, uint32_t ref) {
  uint32_t size_class = ref >> MAPS_LPM_CLASS_SHIFT;
  return (const struct lpm_node*)(trie->nodes[size_class] +
                                  (uint64_t)(ref & MAPS_LPM_NUMBER_MASK) * trie->node_stride[size_class]);
}

MAPS_INLINE uint64_t maps_bits_below(uint32_t bit) {
  return (1ull << bit) - 1;
}

/* Six bits of the key's data from bit `depth` on; zeros behind its end. */
MAPS_INLINE uint32_t maps_lpm_bits(const uint8_t* data, uint32_t data_size, uint32_t depth) {
  uint32_t at = depth / 8;
  uint32_t word = (uint32_t)data[at] << 8 | (at + 1 < data_size ? data[at + 1] : 0);
  return word >> (10 - depth % 8) & 63;
}

/* The bits of `inner` for the prefixes of 1 … 5 bits of `bits`. */
MAPS_INLINE uint64_t maps_lpm_inner(uint32_t bits) {
  return 1ull << (bits >> 5) | 1ull << (2 + (bits >> 4)) | 1ull << (6 + (bits >> 3)) | 1ull << (14 + (bits >> 2)) |
         1ull << (30 + (bits >> 1));
}

MAPS_INLINE uint32_t maps_lpm_rank_child(const struct lpm_node* node, uint32_t bit) {
  return (uint32_t)__builtin_popcountll(node->children & maps_bits_below(bit));
}
MAPS_INLINE uint32_t maps_lpm_rank_inner(const struct lpm_node* node, uint32_t bit) {
  return (uint32_t)(__builtin_popcountll(node->children) + __builtin_popcountll(node->inner & maps_bits_below(bit)));
}
MAPS_INLINE uint32_t maps_lpm_rank_full(const struct lpm_node* node, uint32_t bit) {
  return (uint32_t)(__builtin_popcountll(node->children) + __builtin_popcountll(node->inner) +
                    __builtin_popcountll(node->full & maps_bits_below(bit)));
}

/* Element of the longest prefix that covers the key's first `length` bits, or 0. */
MAPS_INLINE uint32_t maps_lpm_find(const struct lpm_map* trie, const uint8_t* data, uint32_t data_size,
                                   uint32_t length) {
  uint64_t root = __atomic_load_n(&trie->root, __ATOMIC_ACQUIRE);
  uint32_t ref = (uint32_t)root;
  uint32_t fallback = (uint32_t)(root >> 32);
  const uint32_t* best = &fallback;
  for (uint32_t depth = 0; ref && depth < length; depth += MAPS_LPM_STRIDE) {
    const struct lpm_node* node = maps_lpm_node(trie, ref);
    uint32_t bits = maps_lpm_bits(data, data_size, depth);
    uint32_t left = length - depth;
    uint64_t inner = node->inner & maps_lpm_inner(bits);
    if (left < MAPS_LPM_STRIDE) inner &= maps_bits_below((2u << left) - 2);
    if (left >= MAPS_LPM_STRIDE && node->full >> bits & 1)
      best = &node->refs[maps_lpm_rank_full(node, bits)];
    else if (inner)
      best = &node->refs[maps_lpm_rank_inner(node, 63 - (uint32_t)__builtin_clzll(inner))];
    if (left <= MAPS_LPM_STRIDE || !(node->children >> bits & 1)) break;
    ref = node->refs[maps_lpm_rank_child(node, bits)];
  }
  return *best;
}

MAPS_INLINE void* maps_lpm_trie_lookup(struct bpf_env* env, struct bpf_map* map, struct bpf_map_shape shape,
                                       const void* key) {
  (void)env;
  struct lpm_map* trie = (struct lpm_map*)map;
  uint32_t data_size = shape.key_size - 4;
  uint32_t length;
  __builtin_memcpy(&length, key, 4);
  if (length > data_size * 8) return NULL;
  uint32_t element = maps_lpm_find(trie, (const uint8_t*)key + 4, data_size, length);
  return element ? trie->elements + element * trie->element_stride : NULL;
}
