// SPDX-License-Identifier: Apache-2.0
// Subprograms: pointers to the caller's stack and to the packet, five arguments, nesting, values that survive calls.
// oracle: verdicts PASS DROP TX
#include "common.bpf.h"

struct summary {
  __u64 sum, product;
  __u32 words[4];
};

NOINLINE int mix(struct summary *s, __u64 a, __u64 b, __u64 c, __u64 d) {
  s->sum += a * 3 + b * 5 + c * 7 + d * 11;
  s->product ^= (a + 1) * (b + 1) * (c + 1) * (d + 1);
  return s->sum >> 7;
}

NOINLINE int gather(struct summary *s, void *p, void *end) {
  __u32 *w = p;
  if ((void *)(w + 4) > end) return -1;
  __u64 scratch[8];
  for (int i = 0; i < 8; ++i) scratch[i] = i + w[i & 3];
  for (int i = 0; i < 4; ++i) s->words[i] = w[i] ^ (__u32)scratch[7 - i];
  return mix(s, w[0], w[1], w[2], w[3]) + mix(s, scratch[0], scratch[1], scratch[2], scratch[3]);
}

SEC("xdp")
int subprograms(struct xdp_md *ctx) {
  struct summary s = {1, 2, {3, 4, 5, 6}};
  int head = gather(&s, packet_data(ctx), packet_end(ctx));
  int tail = gather(&s, packet_data(ctx) + 32, packet_end(ctx));
  __u64 *out = packet_data(ctx);
  if ((void *)(out + 5) > packet_end(ctx)) return XDP_DROP;
  out[0] = s.sum;
  out[1] = s.product;
  out[2] = (__u64)s.words[0] << 32 | s.words[1];
  out[3] = (__u64)s.words[2] << 32 | s.words[3];
  out[4] = (__u64)head << 32 | (__u32)tail;
  return (head ^ tail) & 1 ? XDP_TX : XDP_PASS;
}
