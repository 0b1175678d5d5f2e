// SPDX-License-Identifier: Apache-2.0
// Tail calls: to another program, to oneself up to the limit, to empty slots and outside (which spend none).
// oracle: entry first
// oracle: tail jumps 0 first
// oracle: tail jumps 1 second
// oracle: tail jumps 3 third
// oracle: verdicts PASS DROP TX
#include "common.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 5);
  __uint(key_size, 4);
  __uint(value_size, 4);
} jumps SEC(".maps");
DEFINE_MAP(runs, BPF_MAP_TYPE_ARRAY, __u32, __u64, 1);

SEC("xdp/first")
int first(struct xdp_md *ctx) {
  __u32 zero = 0;
  __u64 *n = bpf_map_lookup_elem(&runs, &zero);
  __u8 *p = packet_data(ctx);
  if (!n || (void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  *n += 1;
  p[0] += 1;
  if (p[12] == 0x86) bpf_tail_call(ctx, &jumps, 1);
  if (p[12] == 0x81) bpf_tail_call(ctx, &jumps, 3);
  bpf_tail_call(ctx, &jumps, 2);
  bpf_tail_call(ctx, &jumps, 7);
  if (p[13] == 0x06) bpf_tail_call(ctx, &jumps, 4);
  bpf_tail_call(ctx, &jumps, 0);
  return XDP_PASS;
}

SEC("xdp/second")
int second(struct xdp_md *ctx) {
  __u8 *p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  p[1] += 1;
  bpf_tail_call(ctx, &jumps, 3);
  return XDP_ABORTED;
}

NOINLINE int inner(struct xdp_md *ctx, int seed) {
  volatile int here = seed;
  if (seed > 2) bpf_tail_call(ctx, &jumps, 2);
  return here * 7;
}

SEC("xdp/third")
int third(struct xdp_md *ctx) {
  __u8 *p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  int result = inner(ctx, p[0]);
  p = packet_data(ctx);  // the callee might have changed the packet
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  p[2] = result;
  return p[12] == 0x86 ? XDP_TX : XDP_DROP;
}
