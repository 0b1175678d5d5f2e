// SPDX-License-Identifier: Apache-2.0
// A table of four keys and more packets than that: E2BIG when full, room again after a removal.
// oracle: verdicts PASS DROP
#include "common.bpf.h"

DEFINE_MAP(table, BPF_MAP_TYPE_HASH, __u32, __u64, 4);
DEFINE_MAP(seen, BPF_MAP_TYPE_ARRAY, __u32, __u64, 1);

SEC("xdp")
int full_table(struct xdp_md *ctx) {
  __u32 zero = 0;
  __u64 *n = bpf_map_lookup_elem(&seen, &zero);
  if (!n) return XDP_ABORTED;
  __u32 key = *n % 11, other = (*n / 2) % 11;
  __u64 value = *n;
  *n += 1;
  if (*n % 3 == 0) bpf_map_delete_elem(&table, &other);
  long code = bpf_map_update_elem(&table, &key, &value, BPF_ANY);
  if (code == 0) return XDP_PASS;
  return code == -7 ? XDP_DROP : XDP_ABORTED;
}
