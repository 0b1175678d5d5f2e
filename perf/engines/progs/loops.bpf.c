/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 of 32 bytes, bit by bit, and a search for a word at every offset: loops within loops over the packet. */
#include "perf/engines/progs/prog.bpf.h"

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 64 > end) return XDP_ABORTED;
  u32 crc = ~0u;
#pragma clang loop unroll(disable)
  for (u32 i = 0; i < 32; i++) {
    crc ^= data[14 + i];
#pragma clang loop unroll(disable)
    for (u32 k = 0; k < 8; k++) crc = crc >> 1 ^ (0xedb88320u & -(crc & 1));
  }
  u32 hits = 0;
#pragma clang loop unroll(disable)
  for (u32 at = 0; at < 40; at++) {
    u32 difference = *(u32*)(data + at) ^ 0x0100000a;
    hits += ((difference - 1) & ~difference) >> 31; /* 1 where it is 0, without a branch: a verifier walks both ways */
  }
  *(u32*)(data + 52) = ~crc;
  return hits ? XDP_DROP : XDP_PASS;
}
#include "perf/engines/progs/entry.bpf.h"
