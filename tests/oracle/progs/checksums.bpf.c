// SPDX-License-Identifier: Apache-2.0
// csum_diff: pushing, pulling and replacing, lengths that are no multiple of four, seeds, both forms of zero.
// oracle: verdicts PASS DROP
#include "common.bpf.h"

DEFINE_MAP(sums, BPF_MAP_TYPE_HASH, __u32, __s64, 1024);

static inline void note(__u32 slot, __s64 code) { bpf_map_update_elem(&sums, &slot, &code, BPF_ANY); }

SEC("xdp")
int checksums(struct xdp_md *ctx) {
  __be32 *p = packet_data(ctx);
  if ((void *)(p + 9) > packet_end(ctx)) return XDP_DROP;
  __be32 stack[8] = {};
  __u32 id = bpf_xdp_get_buff_len(ctx) * 16;
  note(id + 0, bpf_csum_diff(0, 0, p, 36, 0));
  note(id + 1, bpf_csum_diff(p, 36, 0, 0, 0));
  note(id + 2, bpf_csum_diff(p, 36, p, 36, 0));
  note(id + 3, bpf_csum_diff(stack, 32, p, 32, 0xffffffff));
  note(id + 4, bpf_csum_diff(stack, 32, 0, 0, 0));
  note(id + 5, bpf_csum_diff(stack, 32, 0, 0, 0xffff));
  note(id + 6, bpf_csum_diff(0, 0, 0, 0, p[3]));
  note(id + 7, bpf_csum_diff(p, 7, p, 6, p[4]));
  note(id + 8, bpf_csum_diff(p, 4, stack, 3, 1));
  note(id + 9, bpf_csum_diff(0, 0, p, 1, 0));
  note(id + 10, bpf_csum_diff(stack, 8, stack, 8, 0));
  note(id + 11, bpf_csum_diff(0, 0, stack, 8, 0));
  return XDP_PASS;
}
