// SPDX-License-Identifier: Apache-2.0
// A look-up's result used without asking whether there is one.
// oracle: refused
#include "common.bpf.h"

DEFINE_MAP(table, BPF_MAP_TYPE_HASH, __u32, __u64, 4);

SEC("xdp")
int refused(struct xdp_md *ctx) {
  __u32 key = 0;
  __u64 *v = bpf_map_lookup_elem(&table, &key);
  return *v;
}
