/* SPDX-License-Identifier: Apache-2.0 */
/* The Internet checksum of 64 bytes. */
#include "perf/engines/progs/prog.bpf.h"

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 14 + 64 > end) return XDP_ABORTED;
  u16 *words = (u16 *)(data + 14);
  u32 sum = 0;
  for (int i = 0; i < 32; i++) sum += words[i];
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return (u16)~sum == 0x1234 ? XDP_PASS : XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
