// SPDX-License-Identifier: Apache-2.0
// One operation of the map benchmark, MAPS_OPS times a run, for the host kernel. Made once for each OP and KEY_WORDS;
// type and size of the table are the benchmark's to choose.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#include "perf/maps/keys.h"

struct key {
  bench_word word[KEY_WORDS];
};

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __type(key, unsigned int);
  __type(value, struct bench_state);
  __uint(max_entries, 1);
} state SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __type(key, struct key);
  __type(value, struct bench_value);
  __uint(max_entries, 1024);
} table SEC(".maps");

#define OP_fill 0
#define OP_lookup 1
#define OP_update 2
#define OP_cycle 3
#define OP_mixed 4
#define OP_evict 5
#define OP_lpm 6
#define CHOSEN(op) (OP == OP_##op)

SEC("xdp")
int run(struct xdp_md *ctx) {
  (void)ctx;
  unsigned int zero = 0;
  struct bench_state* s = bpf_map_lookup_elem(&state, &zero);
  if (!s) return XDP_ABORTED;
  struct bench_value value = {};
  bench_word n = s->n, sum = 0;
  for (int i = 0; i < MAPS_OPS; i++, n++) {
#if OP == 6
    struct bench_prefix key = bench_host(bench_scatter(n, s->mask));
#else
    struct key key;
    bench_key(key.word, KEY_WORDS, CHOSEN(fill) ? n & s->mask : CHOSEN(evict) ? n : bench_scatter(n, s->mask));
#endif
    if (CHOSEN(cycle)) bpf_map_delete_elem(&table, &key);
    if (CHOSEN(lookup) || CHOSEN(lpm) || (CHOSEN(mixed) && i != 0)) {
      bench_word* found = bpf_map_lookup_elem(&table, &key);
      if (found) sum += *found;
    } else {
      bpf_map_update_elem(&table, &key, &value, BPF_ANY);
    }
  }
  s->n = n;
  s->sum += sum;
  return XDP_DROP;
}
