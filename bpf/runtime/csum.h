/* SPDX-License-Identifier: Apache-2.0 */
/* csum.h — sums of the Internet checksum (RFC 1071): unfolded in 32 bits, folded in 16.
 *
 * Shape     all numbers as they lie in memory; additions carry around. Zero has two forms; which one comes out depends
 *           on the order of the operations, so the order is Linux's.
 */
#pragma once

#include <stdint.h>
#include <string.h>

/* The bytes as little-endian words, the last one filled with zeros. At most 2^30 additions of 32 bits: no overflow. */
static inline uint64_t sum_words(const void* from, uint32_t bytes) {
  const char* const p = (const char*)from;
  uint64_t sum = 0;
  uint32_t i = 0, word;
  for (; i + 4 <= bytes; i += 4) {
    memcpy(&word, p + i, 4);
    sum += word;
  }
  for (word = 0; i < bytes; ++i) word |= (uint32_t)(uint8_t)p[i] << 8 * (i & 3);
  return sum + word;
}

static inline uint32_t fold32(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  return (uint32_t)((sum & 0xffffffff) + (sum >> 32));
}

static inline uint16_t fold16(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

static inline uint32_t csum_bytes(const void* from, uint32_t bytes) {
  return fold32(sum_words(from, bytes));
}
static inline uint32_t csum_add(uint32_t a, uint32_t b) {
  const uint32_t sum = a + b;
  return sum + (sum < b);
}
static inline uint16_t csum_add16(uint16_t a, uint16_t b) {
  const uint16_t sum = (uint16_t)(a + b);
  return (uint16_t)(sum + (sum < b));
}
static inline uint32_t csum_sub(uint32_t a, uint32_t b) {
  return csum_add(a, ~b);
}
/* What is written into a header. */
static inline uint16_t csum_fold(uint32_t sum) {
  return (uint16_t)~fold16(sum);
}
/* A sum whose bytes begin at an odd place weighs the other way round. */
static inline uint32_t csum_at(uint32_t sum, uint32_t offset) {
  return offset & 1 ? sum >> 8 | sum << 24 : sum;
}
static inline uint32_t csum_block_add(uint32_t sum, uint32_t other, uint32_t offset) {
  return csum_add(sum, csum_at(other, offset));
}
static inline uint32_t csum_block_sub(uint32_t sum, uint32_t other, uint32_t offset) {
  return csum_block_add(sum, ~other, offset);
}
