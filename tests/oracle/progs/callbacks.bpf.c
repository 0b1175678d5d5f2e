// SPDX-License-Identifier: Apache-2.0
// Functions that helpers call back: loops that end early, loops in loops, walks over every map type that has them.
// oracle: verdicts PASS DROP
#include "common.bpf.h"

DEFINE_MAP(seen, BPF_MAP_TYPE_ARRAY, __u32, __u64, 32);
DEFINE_MAP(slots, BPF_MAP_TYPE_ARRAY, __u32, __u64, 5);
DEFINE_MAP(own_slots, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, 5);
DEFINE_MAP(table, BPF_MAP_TYPE_HASH, __u32, __u64, 64);
DEFINE_MAP(own_table, BPF_MAP_TYPE_PERCPU_HASH, __u32, __u64, 64);
DEFINE_MAP(recent, BPF_MAP_TYPE_LRU_HASH, __u32, __u64, 256);
DEFINE_MAP(emptied, BPF_MAP_TYPE_HASH, __u32, __u64, 64);

static __always_inline void note(__u32 at, __u64 value) {
  __u64 *slot = bpf_map_lookup_elem(&seen, &at);
  if (slot) *slot += value;
}

struct sum {
  __u64 total;
  __u64 stop;
};

static long add_turn(__u32 turn, struct sum *sum) {
  sum->total += turn * 3 + 1;
  return turn == sum->stop;
}

static long fill(__u32 turn, struct sum *sum) {
  __u64 value = sum->total + turn;
  bpf_map_update_elem(&table, &turn, &value, BPF_ANY);
  bpf_map_update_elem(&own_table, &turn, &value, BPF_ANY);
  bpf_map_update_elem(&recent, &turn, &value, BPF_ANY);
  bpf_map_update_elem(&emptied, &turn, &value, BPF_ANY);
  return 0;
}

static long add_loop(__u32 turn, struct sum *sum) {
  struct sum inner = {.stop = turn};
  sum->total += bpf_loop(7, add_turn, &inner, 0) << 8;
  sum->total += inner.total;
  return 0;
}

static long add_element(void *map, const __u32 *key, __u64 *value, struct sum *sum) {
  *value += 1;
  sum->total += (*key + 1) * *value;
  return sum->stop != 0 && *key == sum->stop;
}

static long take_out(void *map, const __u32 *key, __u64 *value, struct sum *sum) {
  __u32 copy = *key;
  sum->total += *value;
  if (copy % 3 != 2) bpf_map_delete_elem(&emptied, &copy);
  return 0;
}

SEC("xdp")
int callbacks(struct xdp_md *ctx) {
  __u32 size = packet_end(ctx) - packet_data(ctx);
  struct sum sum = {.stop = 1000};
  note(0, bpf_loop(size & 63, add_turn, &sum, 0));
  note(1, sum.total);
  sum.stop = size & 7;
  note(2, bpf_loop(20, add_turn, &sum, 0));
  note(3, bpf_loop(5, add_loop, &sum, 0));
  note(4, sum.total);
  note(5, bpf_loop(3, add_turn, &sum, 1));
  note(6, bpf_loop((8 << 20) + 1, add_turn, &sum, 0));

  sum.total = size;
  bpf_loop(33, fill, &sum, 0);
  sum.stop = 0;
  note(7, bpf_for_each_map_elem(&slots, add_element, &sum, 0));
  note(8, bpf_for_each_map_elem(&own_slots, add_element, &sum, 0));
  note(9, bpf_for_each_map_elem(&table, add_element, &sum, 0));
  note(10, bpf_for_each_map_elem(&own_table, add_element, &sum, 0));
  note(11, bpf_for_each_map_elem(&recent, add_element, &sum, 0));
  note(12, sum.total);
  sum.stop = 2;
  note(13, bpf_for_each_map_elem(&slots, add_element, &sum, 0));
  note(14, bpf_for_each_map_elem(&slots, add_element, &sum, 1));
  sum.total = 0;
  note(15, bpf_for_each_map_elem(&emptied, take_out, &sum, 0));
  note(16, bpf_for_each_map_elem(&emptied, take_out, &sum, 0));
  note(17, sum.total);
  return size & 1 ? XDP_PASS : XDP_DROP;
}
