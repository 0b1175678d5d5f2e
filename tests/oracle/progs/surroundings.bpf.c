// SPDX-License-Identifier: Apache-2.0
// The context's numbers, the CPU, clocks that do not run backwards, random numbers that differ.
// oracle: verdicts PASS
#include "common.bpf.h"

DEFINE_MAP(facts, BPF_MAP_TYPE_ARRAY, __u32, __u64, 16);

static inline void note(__u32 slot, __u64 fact) { bpf_map_update_elem(&facts, &slot, &fact, BPF_ANY); }

SEC("xdp")
int surroundings(struct xdp_md *ctx) {
  note(0, ctx->ingress_ifindex);
  note(1, ctx->rx_queue_index);
  note(2, ctx->data_end - ctx->data);
  note(3, ctx->data_meta == ctx->data);
  note(4, bpf_get_smp_processor_id());
  note(5, bpf_get_numa_node_id());
  __u64 coarse = bpf_ktime_get_coarse_ns(), now = bpf_ktime_get_ns(), later = bpf_ktime_get_ns();
  note(6, now != 0 && now <= later);
  note(7, coarse <= now && now - coarse < 1000000000);
  note(8, bpf_ktime_get_boot_ns() >= later);
  note(9, bpf_jiffies64() != 0);
  __u32 a = bpf_get_prandom_u32(), b = bpf_get_prandom_u32(), c = bpf_get_prandom_u32();
  note(10, a != b || b != c);
  return XDP_PASS;
}
