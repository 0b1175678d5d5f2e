/* SPDX-License-Identifier: Apache-2.0 */
/* words_inline.h — keys and values as 64-bit words: hash, compare and copy that specialise by size.
 *
 * Shape     a caller's key is any address of key_size bytes; word i of it is its bytes 8i … 8i+7, the last word filled
 *           up with zeros. Map memory holds keys as whole words, so a stored key compares word by word. Where the size
 *           is a compile-time constant each word is one load per power of two in it; a key that lies on a program's
 *           stack then never has its address taken by a memcmp, and stays in registers.
 * Threads   stored words are read and written with single relaxed atomic accesses: a reader beside a writer sees each
 *           word old or new, and the map's protocol decides whether what it saw counts.
 * Source    hash: folded 64 x 64 -> 128 multiplication over secret seeds. A CRC would be as fast and is linear: keys
 *           that collide under one seed collide under all of them, which an attacker can compute.
 */
#pragma once

#include <stdint.h>

#define MAPS_INLINE static inline __attribute__((always_inline, unused))

MAPS_INLINE uint32_t maps_round_up8(uint32_t size) {
  return (size + 7) & ~7u;
}

MAPS_INLINE uint64_t maps_atomic_load(const uint64_t* word) {
  return __atomic_load_n(word, __ATOMIC_RELAXED);
}
MAPS_INLINE void maps_atomic_store(uint64_t* word, uint64_t value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* The last, partial word: `size` in 1 … 7. */
MAPS_INLINE uint64_t maps_load_tail(const uint8_t* p, uint32_t size) {
  uint64_t word = 0;
  uint32_t at = 0;
  if (size & 4) {
    uint32_t part;
    __builtin_memcpy(&part, p, 4);
    word = part;
    at = 4;
  }
  if (size & 2) {
    uint16_t part;
    __builtin_memcpy(&part, p + at, 2);
    word |= (uint64_t)part << (8 * at);
    at += 2;
  }
  if (size & 1) word |= (uint64_t)p[at] << (8 * at);
  return word;
}

/* Word `i` of a caller's buffer of `size` bytes. REQUIRES: 8 * i < size. */
MAPS_INLINE uint64_t maps_load_word(const void* buffer, uint32_t size, uint32_t i) {
  const uint8_t* p = (const uint8_t*)buffer + 8 * i;
  uint32_t left = size - 8 * i;
  if (left >= 8) {
    uint64_t word;
    __builtin_memcpy(&word, p, 8);
    return word;
  }
  return maps_load_tail(p, left);
}

MAPS_INLINE uint64_t maps_fold(uint64_t a, uint64_t b) {
  unsigned __int128 product = (unsigned __int128)a * b;
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

MAPS_INLINE uint64_t maps_hash(const void* key, uint32_t size, const uint64_t seed[2]) {
  uint64_t hash = seed[0] ^ size;
  uint32_t words = (size + 7) / 8;
  uint32_t i = 0;
  for (; i + 2 <= words; i += 2)
    hash = maps_fold(maps_load_word(key, size, i) ^ hash, maps_load_word(key, size, i + 1) ^ seed[1]);
  if (i < words) hash = maps_fold(maps_load_word(key, size, i) ^ hash, seed[1]);
  return hash;
}

/* Is the stored key the caller's? */
MAPS_INLINE int maps_key_equal(const uint64_t* stored, const void* key, uint32_t size) {
  uint64_t difference = 0;
  for (uint32_t i = 0; i < (size + 7) / 8; i++) {
    difference |= maps_atomic_load(&stored[i]) ^ maps_load_word(key, size, i);
    if (i % 4 == 3 && difference) return 0;
  }
  return difference == 0;
}

/* Map memory <- caller's bytes; the last word is filled up with zeros. */
MAPS_INLINE void maps_store_bytes(uint64_t* stored, const void* bytes, uint32_t size) {
  for (uint32_t i = 0; i < (size + 7) / 8; i++) maps_atomic_store(&stored[i], maps_load_word(bytes, size, i));
}

/* Caller's bytes <- map memory. */
MAPS_INLINE void maps_fetch_bytes(void* bytes, const uint64_t* stored, uint32_t size) {
  uint8_t* out = (uint8_t*)bytes;
  uint32_t i = 0;
  for (; 8 * i + 8 <= size; i++) {
    uint64_t word = maps_atomic_load(&stored[i]);
    __builtin_memcpy(out + 8 * i, &word, 8);
  }
  if (size % 8) {
    uint64_t word = maps_atomic_load(&stored[i]);
    __builtin_memcpy(out + 8 * i, &word, size % 8);
  }
}
