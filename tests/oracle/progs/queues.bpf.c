// SPDX-License-Identifier: Apache-2.0
// Queue, stack and bloom filter: what is pushed comes out in order, a full one refuses or drops its oldest.
// oracle: verdicts PASS
#include "common.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_QUEUE);
  __uint(max_entries, 5);
  __type(value, __u64);
} queue SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_STACK);
  __uint(max_entries, 3);
  __type(value, __u64);
} stack SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
  __uint(max_entries, 1000);
  __type(value, __u64);
} filter SEC(".maps");
DEFINE_MAP(seen, BPF_MAP_TYPE_ARRAY, __u32, __u64, 8);

static __always_inline void note(__u32 at, __u64 what) {
  __u64 *slot = bpf_map_lookup_elem(&seen, &at);
  if (slot) *slot = *slot * 31 + what;
}

SEC("xdp")
int queues(struct xdp_md *ctx) {
  __u64 size = packet_end(ctx) - packet_data(ctx), value = 0;
  note(0, bpf_map_push_elem(&queue, &size, BPF_ANY));
  value = size + 1;
  note(0, bpf_map_push_elem(&queue, &value, size & 1 ? BPF_EXIST : BPF_ANY));
  note(1, bpf_map_peek_elem(&queue, &value));
  note(1, value);
  if (size % 3) {
    note(2, bpf_map_pop_elem(&queue, &value));
    note(2, value);
  }
  value = size + 2;
  note(3, bpf_map_push_elem(&stack, &value, size & 2 ? BPF_EXIST : BPF_ANY));
  note(3, bpf_map_peek_elem(&stack, &value));
  note(3, value);
  if (size % 5 == 0) {
    note(4, bpf_map_pop_elem(&stack, &value));
    note(4, value);
  }
  value = size;
  note(5, bpf_map_push_elem(&filter, &value, BPF_ANY));
  note(5, bpf_map_push_elem(&filter, &value, BPF_EXIST));
  note(6, bpf_map_peek_elem(&filter, &value));
  return XDP_PASS;
}
