// SPDX-License-Identifier: Apache-2.0
// Every atomic of the instruction set on a map's value, in both widths, results used.
// oracle: verdicts PASS
#include "common.bpf.h"

struct cell {
  __u64 wide;
  __u32 narrow;
  __u32 beside;
};
DEFINE_MAP(cells, BPF_MAP_TYPE_ARRAY, __u32, struct cell, 8);

SEC("xdp")
int atomics(struct xdp_md *ctx) {
  __u64 *p = packet_data(ctx);
  if ((void *)(p + 4) > packet_end(ctx)) return XDP_PASS;
  __u64 a = p[1], b = p[2], results = 0;
  __u32 i = a & 7;
  struct cell *c = bpf_map_lookup_elem(&cells, &i);
  if (!c) return XDP_ABORTED;
  results = results * 31 + __sync_fetch_and_add(&c->wide, a + i);
  results = results * 31 + __sync_fetch_and_or(&c->wide, b);
  results = results * 31 + __sync_fetch_and_and(&c->wide, ~a);
  results = results * 31 + __sync_fetch_and_xor(&c->wide, b << i);
  results = results * 31 + __sync_lock_test_and_set(&c->wide, results);
  results = results * 31 + __sync_val_compare_and_swap(&c->wide, i & 1 ? results : 5, a);
  results = results * 31 + __sync_fetch_and_add(&c->narrow, (__u32)a + i);
  results = results * 31 + __sync_fetch_and_or(&c->narrow, (__u32)b);
  results = results * 31 + __sync_fetch_and_and(&c->narrow, ~(__u32)a);
  results = results * 31 + __sync_fetch_and_xor(&c->narrow, (__u32)b << i);
  results = results * 31 + __sync_lock_test_and_set(&c->narrow, (__u32)results);
  results = results * 31 + __sync_val_compare_and_swap(&c->narrow, (__u32)results, (__u32)a);
  __sync_fetch_and_add(&c->wide, 1);
  __sync_fetch_and_add(&c->narrow, 1);
  p[0] = results;
  return XDP_PASS;
}
