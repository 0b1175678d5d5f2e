// SPDX-License-Identifier: Apache-2.0
// Any number may be returned; hooks see its low half.
// oracle: verdicts PASS
#include "common.bpf.h"

SEC("xdp")
int unknown_verdicts(struct xdp_md *ctx) {
  __u32 size = packet_end(ctx) - packet_data(ctx);
  return size & 1 ? XDP_PASS : -(int)size;
}
