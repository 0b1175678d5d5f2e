/* SPDX-License-Identifier: Apache-2.0 */
/* 128 rounds of a shift-register generator: one serial chain of arithmetic. */
#include "perf/engines/progs/prog.bpf.h"

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 64 > end) return XDP_ABORTED;
  u64 x = *(u32 *)(data + 26) | 1;
  for (u32 i = 0; i < 128; i++) {
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    x += (u64)i * 0x9e3779b1u;
  }
  return (x & 0xffffff) == 0x123456 ? XDP_PASS : XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
