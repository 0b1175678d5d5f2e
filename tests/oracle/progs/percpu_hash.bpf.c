// SPDX-License-Identifier: Apache-2.0
// Per-CPU values of a hash, by the CPU that runs and by the number of one.
// oracle: verdicts PASS
#include "common.bpf.h"

DEFINE_MAP(by_size, BPF_MAP_TYPE_PERCPU_HASH, __u32, __u64, 32);
DEFINE_MAP(seen, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, 3);

SEC("xdp")
int percpu_hash(struct xdp_md *ctx) {
  __u32 size = packet_end(ctx) - packet_data(ctx), zero = 0, two = 2, three = 3;
  __u64 *n = bpf_map_lookup_elem(&by_size, &size);
  if (n) {
    *n += 1;
  } else {
    __u64 one = 1;
    bpf_map_update_elem(&by_size, &size, &one, BPF_ANY);
  }
  __u64 *here = bpf_map_lookup_percpu_elem(&by_size, &size, bpf_get_smp_processor_id());
  __u64 *nowhere = bpf_map_lookup_percpu_elem(&by_size, &size, 1 << 20);
  __u64 *sum = bpf_map_lookup_elem(&seen, &zero);
  if (here && sum) *sum += *here;
  if (nowhere && sum) *sum += 1000000;
  __u64 *last = bpf_map_lookup_percpu_elem(&seen, &two, bpf_get_smp_processor_id());
  if (last) *last = size;
  if (bpf_map_lookup_percpu_elem(&seen, &three, 0)) return XDP_ABORTED;
  return XDP_PASS;
}
