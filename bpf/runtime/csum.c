/* SPDX-License-Identifier: Apache-2.0 */
/* csum.c — bpf_csum_diff: the change of an Internet checksum (RFC 1071, RFC 1624) when bytes are replaced.
 *
 * Shape     one's-complement sums are kept in 64 bits and folded at the end to 16, as Linux does since 6.13.
 */
#include <string.h>

#include "bpf/runtime/runtime.h"

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

/* Zero has two forms, 0 and 0xffff; which one comes out depends on the order of the complements, so it is Linux's. */
BPF_BODY(bpf_csum_diff) {
  const uint32_t from_bytes = (uint32_t)r2, to_bytes = (uint32_t)r4, seed = (uint32_t)r5;
  const uint64_t from = sum_words((const void*)(uintptr_t)r1, from_bytes);
  const uint64_t to = sum_words((const void*)(uintptr_t)r3, to_bytes);
  if (from_bytes && !to_bytes) return fold16(~fold32(from + (uint32_t)~seed));
  const uint32_t added = fold32(to + seed);
  return fold16(from_bytes ? fold32((uint64_t)added + (uint32_t)~fold32(from)) : added);
}
