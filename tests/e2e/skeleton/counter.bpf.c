// SPDX-License-Identifier: Apache-2.0
// What a libbpf application does with its skeleton: constants set before loading, global data through mmap, a map.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

const volatile __u32 verdict = XDP_PASS;
__u64 packets = 0;
__u64 bytes = 0;

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 16);
  __type(key, __u32);
  __type(value, __u64);
} lengths SEC(".maps");

SEC("xdp")
int count(struct xdp_md *ctx) {
  __u32 length = ctx->data_end - ctx->data;
  __u64 one = 1, *seen = bpf_map_lookup_elem(&lengths, &length);
  if (seen)
    *seen += 1;
  else
    bpf_map_update_elem(&lengths, &length, &one, BPF_ANY);
  __sync_fetch_and_add(&packets, 1);
  bytes += length;
  return verdict;
}

char _license[] SEC("license") = "GPL";
