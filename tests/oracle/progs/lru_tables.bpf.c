// SPDX-License-Identifier: Apache-2.0
// LRU tables with room for all: what they hold, and that a value in hand outlives its replacement.
// oracle: verdicts PASS
#include "common.bpf.h"

DEFINE_MAP(by_size, BPF_MAP_TYPE_LRU_HASH, __u32, __u64, 1024);
DEFINE_MAP(per_cpu, BPF_MAP_TYPE_LRU_PERCPU_HASH, __u32, __u64, 1024);
DEFINE_MAP(seen, BPF_MAP_TYPE_ARRAY, __u32, __u64, 8);

static __always_inline void note(__u32 at, __u64 value) {
  __u64 *slot = bpf_map_lookup_elem(&seen, &at);
  if (slot) *slot += value;
}

SEC("xdp")
int lru_tables(struct xdp_md *ctx) {
  __u32 size = packet_end(ctx) - packet_data(ctx), other = size ^ 1;
  __u64 value = size * 3;
  note(0, -bpf_map_update_elem(&by_size, &size, &value, BPF_NOEXIST));
  note(1, -bpf_map_update_elem(&by_size, &other, &value, BPF_EXIST));
  note(2, -bpf_map_update_elem(&by_size, &size, &value, 7));
  __u64 *held = bpf_map_lookup_elem(&by_size, &size);
  value += 1;
  note(3, -bpf_map_update_elem(&by_size, &size, &value, BPF_ANY));
  if (held) note(4, *held);
  if (size & 1) note(5, -bpf_map_delete_elem(&by_size, &size));
  __u64 *n = bpf_map_lookup_elem(&per_cpu, &size);
  if (n)
    *n += 1;
  else
    bpf_map_update_elem(&per_cpu, &size, &value, BPF_ANY);
  __u64 *here = bpf_map_lookup_percpu_elem(&per_cpu, &size, bpf_get_smp_processor_id());
  if (here) note(6, *here);
  return XDP_PASS;
}
