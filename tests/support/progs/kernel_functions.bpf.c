// SPDX-License-Identifier: Apache-2.0
// Kernel functions that run here: number iterators, RCU and preemption sections, the count of a map's elements.
// `results` has what came out.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct bpf_map {
  __u32 id;
} __attribute__((preserve_access_index));

struct bpf_iter_num {
  __u64 state;
} __attribute__((aligned(8)));

extern int bpf_iter_num_new(struct bpf_iter_num *it, int start, int end) __ksym;
extern int *bpf_iter_num_next(struct bpf_iter_num *it) __ksym;
extern void bpf_iter_num_destroy(struct bpf_iter_num *it) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern void bpf_preempt_disable(void) __ksym;
extern void bpf_preempt_enable(void) __ksym;
extern __s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym;

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __s64);
} results SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 8);
  __type(key, __u32);
  __type(value, __u64);
} counted SEC(".maps");

static __always_inline void note(__u32 at, __s64 value) {
  __s64 *slot = bpf_map_lookup_elem(&results, &at);
  if (slot) *slot += value;
}

static __always_inline void count(__u32 key) {
  __u64 value = key;
  bpf_map_update_elem(&counted, &key, &value, BPF_ANY);
}

// What bpf_iter_num_new gives, in the high half the sum of the numbers.
static __noinline __s64 walk(int start, int end) {
  struct bpf_iter_num it;
  __s64 sum = 0;
  int error = bpf_iter_num_new(&it, start, end);
  for (int *number; (number = bpf_iter_num_next(&it));) sum += *number;
  bpf_iter_num_destroy(&it);
  return sum << 32 | (__u32)error;
}

SEC("xdp")
int kernel_functions(struct xdp_md *ctx) {
  int size = ctx->data_end - ctx->data;
  note(0, walk(0, size));
  note(1, walk(-3, 2));
  note(2, walk(5, 5));
  note(3, walk(5, 4));
  note(4, walk(-2147483647, 2147483647));
  bpf_rcu_read_lock();
  bpf_rcu_read_unlock();
  bpf_preempt_disable();
  note(5, walk(2147483600, 2147483647) & 0xffffffff);
  bpf_preempt_enable();
  count(0), count(1), count(2);
  note(6, bpf_map_sum_elem_count((const struct bpf_map *)&counted));
  note(7, 1 + bpf_map_sum_elem_count((const struct bpf_map *)&results));
  return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
