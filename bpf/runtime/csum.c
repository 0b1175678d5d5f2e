/* SPDX-License-Identifier: Apache-2.0 */
/* csum.c — bpf_csum_diff: the change of an Internet checksum (RFC 1071, RFC 1624) when bytes are replaced.
 *
 * Shape     one's-complement sums are kept in 64 bits and folded at the end to 16, as Linux does since 6.13.
 */
#include "bpf/runtime/csum.h"

#include "bpf/runtime/runtime.h"

/* Zero has two forms, 0 and 0xffff; which one comes out depends on the order of the complements, so it is Linux's. */
BPF_BODY(bpf_csum_diff) {
  const uint32_t from_bytes = (uint32_t)r2, to_bytes = (uint32_t)r4, seed = (uint32_t)r5;
  const uint64_t from = sum_words((const void*)(uintptr_t)r1, from_bytes);
  const uint64_t to = sum_words((const void*)(uintptr_t)r3, to_bytes);
  if (from_bytes && !to_bytes) return fold16(~fold32(from + (uint32_t)~seed));
  const uint32_t added = fold32(to + seed);
  return fold16(from_bytes ? fold32((uint64_t)added + (uint32_t)~fold32(from)) : added);
}
