// SPDX-License-Identifier: Apache-2.0
// A prog array that the object itself fills, and one that is filled from outside.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

int target(struct xdp_md *ctx);

struct {
  __uint(type, BPF_MAP_TYPE_PROG_ARRAY);
  __uint(max_entries, 2);
  __uint(key_size, sizeof(__u32));
  __array(values, int(void *));
} jumps SEC(".maps") = {.values = {[1] = (void *)&target}};

SEC("xdp")
int target(struct xdp_md *ctx) { return XDP_TX; }

SEC("xdp")
int entry(struct xdp_md *ctx) {
  bpf_tail_call(ctx, &jumps, 1);
  return XDP_DROP;
}

char _license[] SEC("license") = "GPL";
