// SPDX-License-Identifier: Apache-2.0
// Effects between packets of one burst: a per-CPU scratch area, a key removed by one packet and missed by the next, an
// order that shows in what is stored.
// oracle: verdicts PASS DROP TX
#include "common.bpf.h"

DEFINE_MAP(scratch, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64[8], 1);
DEFINE_MAP(toggles, BPF_MAP_TYPE_HASH, __u32, __u32, 8);

SEC("xdp")
int burst_effects(struct xdp_md *ctx) {
  __u32 zero = 0, key = (packet_end(ctx) - packet_data(ctx)) / 6 & 3;
  __u64 *area = bpf_map_lookup_elem(&scratch, &zero);
  if (!area) return XDP_ABORTED;
  area[0] = area[0] * 1000003 + key;
  area[1 + key] = area[0] >> 3;
  __u32 *on = bpf_map_lookup_elem(&toggles, &key);
  if (on) {
    __u32 v = *on;
    bpf_map_delete_elem(&toggles, &key);
    return v & 1 ? XDP_TX : XDP_PASS;
  }
  __u32 value = area[0] >> 7;
  bpf_map_update_elem(&toggles, &key, &value, BPF_ANY);
  return XDP_DROP;
}
