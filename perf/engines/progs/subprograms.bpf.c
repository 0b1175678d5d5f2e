/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen calls of functions that are not inlined, some of them nested: parsing, hashing and sums as a careful author
 * would divide them. The entry stands first in its section. */
#include "perf/engines/progs/prog.bpf.h"
#include "perf/engines/progs/headers.bpf.h"

FUNCTION u32 read_word(const u8* at);
FUNCTION u32 read_half(const u8* at);
FUNCTION u64 mix_pair(u64 a, u64 b);
FUNCTION u64 mix_four(u64 a, u64 b, u64 c, u64 d);
FUNCTION u32 fold(u64 sum);
FUNCTION u64 add_words(const u8* at);

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 64 > end) return XDP_ABORTED;
  if (read_half(data + 12) != kIpv4) return XDP_PASS;
  u64 a = mix_pair(read_word(data + 26), read_word(data + 30));
  u64 b = mix_four(a, read_half(data + 34), read_half(data + 36), data[23]);
  u64 c = mix_pair(b, add_words(data + 14)) ^ mix_pair(a, add_words(data + 34));
  *(u32*)(data + 56) = fold(c);
  return XDP_TX;
}

FUNCTION u32 read_word(const u8* at) { return *(const u32*)at; }
FUNCTION u32 read_half(const u8* at) { return *(const u16*)at; }
FUNCTION u64 mix_pair(u64 a, u64 b) { return (a ^ b >> 29) * 0x9e3779b97f4a7c15ull + (b << 7); }
FUNCTION u64 mix_four(u64 a, u64 b, u64 c, u64 d) { return mix_pair(mix_pair(a, b), mix_pair(c, d)); }
FUNCTION u32 fold(u64 sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  return (u32)((sum & 0xffffffff) + (sum >> 32));
}
FUNCTION u64 add_words(const u8* at) {
  u64 sum = 0;
  for (u32 i = 0; i < 16; i += 4) sum += *(const u32*)(at + i);
  return sum;
}
#include "perf/engines/progs/entry.bpf.h"
