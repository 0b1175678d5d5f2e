// SPDX-License-Identifier: Apache-2.0
// A tail call out of a subprogram takes the subprogram's place: its caller goes on with the target's result.
// oracle: entry outer
// oracle: tail jumps 0 target
// oracle: verdicts PASS TX
#include "common.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 2);
  __uint(key_size, 4);
  __uint(value_size, 4);
} jumps SEC(".maps");

NOINLINE int leave(struct xdp_md *ctx, __u32 slot) {
  bpf_tail_call(ctx, &jumps, slot);
  int missed = 41;
  asm volatile("" : "+r"(missed));  // else clang knows the result
  return missed;
}

SEC("xdp/outer")
int outer(struct xdp_md *ctx) {
  __u8 *p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  __u8 type = p[12];
  int result = leave(ctx, type == 0x08 ? 0 : 1);
  p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  p[0] = result;
  return result == 41 ? XDP_PASS : XDP_TX;
}

SEC("xdp/target")
int target(struct xdp_md *ctx) {
  __u8 *p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  p[1] = 0x77;
  return 99;
}
