// SPDX-License-Identifier: Apache-2.0
// A ring buffer without a consumer: it fills, refuses, and says how full it is.
// oracle: verdicts PASS
#include "common.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} ring SEC(".maps");
DEFINE_MAP(seen, BPF_MAP_TYPE_ARRAY, __u32, __u64, 8);

static __always_inline void note(__u32 at, __u64 what) {
  __u64 *slot = bpf_map_lookup_elem(&seen, &at);
  if (slot) *slot = *slot * 31 + what;
}

SEC("xdp")
int ring_buffer(struct xdp_md *ctx) {
  __u64 size = packet_end(ctx) - packet_data(ctx);
  __u64 *record = bpf_ringbuf_reserve(&ring, 24, 0);
  note(0, record != 0);
  if (record) {
    record[0] = size;
    record[1] = record[2] = 7;
    note(1, record[0] + record[1]);
    if (size & 1)
      bpf_ringbuf_submit(record, 0);
    else
      bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
  }
  note(2, bpf_ringbuf_output(&ring, &size, sizeof size, 0));
  note(2, bpf_ringbuf_output(&ring, &size, sizeof size, 8));
  for (__u32 what = 0; what < 5; what++) note(3, bpf_ringbuf_query(&ring, what));
  void *large = bpf_ringbuf_reserve(&ring, 4096, 0);
  note(4, large != 0);
  if (large) bpf_ringbuf_discard(large, 0);
  return XDP_PASS;
}
