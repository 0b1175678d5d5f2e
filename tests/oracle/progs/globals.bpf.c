// SPDX-License-Identifier: Apache-2.0
// Global data: constants that fold, a table indexed at run time, initialised and zeroed variables that packets change.
// oracle: verdicts PASS DROP TX
#include "common.bpf.h"

const volatile __u32 threshold = 100;
static const __u8 table[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
__u64 started = 1000;
__u32 history[8];
__u64 bytes;

SEC("xdp")
int globals(struct xdp_md *ctx) {
  __u32 size = packet_end(ctx) - packet_data(ctx);
  __u8 *p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  started += 1;
  history[started & 7] = size;
  __sync_fetch_and_add(&bytes, size);
  p[0] = table[size & 15];
  if (size > threshold) return XDP_TX;
  return table[p[13] & 15] > 4 ? XDP_DROP : XDP_PASS;
}
