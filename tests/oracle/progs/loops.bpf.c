// SPDX-License-Identifier: Apache-2.0
// Bounded loops over the packet: a sum of its 16-bit words, a search, a loop within a loop.
// oracle: verdicts PASS TX
#include "common.bpf.h"

SEC("xdp")
int loops(struct xdp_md *ctx) {
  void *end = packet_end(ctx);
  __u8 *p = packet_data(ctx);
  __u32 sum = 0, found = 0;
  for (int i = 0; i < 24; ++i) {
    __u16 *word = (void *)(p + 2 * i);
    if ((void *)(word + 1) > end) break;
    sum += *word;
    found += *word == bpf_htons(0x0800);
  }
  __u64 mix = sum;
  for (int i = 0; i < 8; ++i)
    for (int j = i; j < 8; ++j) mix = mix * 33 + (mix >> j) + i;
  if ((void *)(p + 14) > end) return XDP_ABORTED;
  *(__u32 *)p = sum;
  *(__u64 *)(p + 4) = mix;
  return found ? XDP_TX : XDP_PASS;
}
