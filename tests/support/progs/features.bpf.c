// SPDX-License-Identifier: Apache-2.0
// What objects from clang have: global data of every kind, a static and a global subprogram, BTF maps, a pinned map,
// CO-RE.
#include <stdbool.h>

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

// The author's idea of the context; CO-RE puts each field where the host has it.
struct xdp_md___ours {
  __u32 rx_queue_index;
  __u32 data;
} __attribute__((preserve_access_index));

const volatile __u32 verdict = XDP_PASS;
const volatile bool count = true;
__u64 packets = 0;
__u32 last_queue = 7;
char label[8] = "hello";

struct pair {
  __u16 a;
  __u16 b : 4;
  __u16 c : 12;
};

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, struct pair);
} pairs SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 2);
  __type(key, __u32);
  __type(value, __u64);
  __uint(pinning, LIBBPF_PIN_BY_NAME);
} per_cpu SEC(".maps");

static __noinline void bump(void) {
  __u32 key = 0;
  __u64 *value = bpf_map_lookup_elem(&per_cpu, &key);
  if (value) *value += 1;
}

SEC("xdp")
int features(struct xdp_md *ctx) {
  const struct xdp_md___ours *ours = (void *)ctx;
  if (count) {
    __sync_fetch_and_add(&packets, 1);
    bump();
  }
  last_queue = ours->rx_queue_index;
  __u32 key = 1;
  struct pair pair = {.a = 1, .b = 2, .c = 3};
  bpf_map_update_elem(&pairs, &key, &pair, BPF_ANY);
  return verdict;
}

SEC("xdp")
int reads_behind_the_packet(struct xdp_md *ctx) {
  return *(volatile char *)(long)ctx->data;
}

char _license[] SEC("license") = "GPL";
