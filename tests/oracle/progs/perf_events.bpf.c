// SPDX-License-Identifier: Apache-2.0
// Samples for perf events where there are none: the errors.
// oracle: verdicts PASS
#include "common.bpf.h"

struct {
  __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u32);
} events SEC(".maps");
DEFINE_MAP(seen, BPF_MAP_TYPE_ARRAY, __u32, __s64, 8);

static __always_inline void note(__u32 at, __s64 what) {
  __s64 *slot = bpf_map_lookup_elem(&seen, &at);
  if (slot) *slot = *slot * 31 + what;
}

SEC("xdp")
int perf_events(struct xdp_md *ctx) {
  __u64 size = packet_end(ctx) - packet_data(ctx);
  note(0, bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, &size, sizeof size));
  note(1, bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU | size << 32, &size, sizeof size));
  note(2, bpf_perf_event_output(ctx, &events, (size + 1) << 32, &size, sizeof size));
  note(3, bpf_perf_event_output(ctx, &events, 4, &size, sizeof size));
  note(4, bpf_perf_event_output(ctx, &events, 1ull << 60, &size, sizeof size));
  return XDP_PASS;
}
