// SPDX-License-Identifier: Apache-2.0
// A packet pointer from before adjust_head, used behind it.
// oracle: refused
#include "common.bpf.h"

SEC("xdp")
int refused(struct xdp_md *ctx) {
  __u8 *p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_DROP;
  bpf_xdp_adjust_head(ctx, 4);
  return p[0];
}
