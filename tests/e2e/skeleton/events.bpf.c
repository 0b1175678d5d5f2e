// SPDX-License-Identifier: Apache-2.0
// Records of a ring buffer, in every way that a program can hand one over; the first byte of the packet says which.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct event {
  __u32 number;
  __u32 length;
};

enum how { SUBMIT = 0, OUTPUT = 1, DISCARD = 2, NO_WAKEUP = 3, FORCE_WAKEUP = 4 };

struct {
  __uint(type, BPF_MAP_TYPE_RINGBUF);
  __uint(max_entries, 4096);
} events SEC(".maps");

__u32 number = 0;
__u32 lost = 0;

SEC("xdp")
int tell(struct xdp_md *ctx) {
  const __u8 *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct event *event, record;
  if (data + 1 > end) return XDP_ABORTED;
  record.number = ++number;
  record.length = end - data;
  if (*data == OUTPUT) {
    if (bpf_ringbuf_output(&events, &record, sizeof record, 0)) lost++;
    return XDP_PASS;
  }
  event = bpf_ringbuf_reserve(&events, sizeof *event, 0);
  if (!event) {
    lost++;
    return XDP_DROP;
  }
  *event = record;
  if (*data == DISCARD)
    bpf_ringbuf_discard(event, 0);
  else
    bpf_ringbuf_submit(event, *data == NO_WAKEUP      ? BPF_RB_NO_WAKEUP
                              : *data == FORCE_WAKEUP ? BPF_RB_FORCE_WAKEUP
                                                      : 0);
  return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
