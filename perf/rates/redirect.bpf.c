// SPDX-License-Identifier: Apache-2.0
// Sends a frame to the port that the map names for its port of entry: what testpmd calls io.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u32);
} to SEC(".maps");

SEC("xdp")
int redirect(struct xdp_md *ctx) { return bpf_redirect_map(&to, ctx->ingress_ifindex, XDP_DROP); }

char _license[] SEC("license") = "Apache-2.0";
