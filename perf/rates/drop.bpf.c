// SPDX-License-Identifier: Apache-2.0
// The least a program can do.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("xdp")
int drop(struct xdp_md *ctx) {
  (void)ctx;
  return XDP_DROP;
}

char _license[] SEC("license") = "Apache-2.0";
