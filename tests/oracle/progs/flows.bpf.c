// SPDX-License-Identifier: Apache-2.0
// A table of five-tuples: found flows are counted in place, new ones inserted, RST removes. Effects of one packet of a
// burst are seen by the next.
// oracle: verdicts PASS DROP TX
#include "common.bpf.h"

struct flow {
  __be32 from, to;
  __be16 sport, dport;
  __u32 proto;
};
struct flow_state {
  __u64 packets, bytes;
};
DEFINE_MAP(flows, BPF_MAP_TYPE_HASH, struct flow, struct flow_state, 64);
DEFINE_MAP(errors, BPF_MAP_TYPE_ARRAY, __u32, __s64, 4);

static inline void note(__u32 slot, __s64 code) {
  __s64 *e = bpf_map_lookup_elem(&errors, &slot);
  if (e) *e = *e * 31 + code;
}

SEC("xdp")
int flows_prog(struct xdp_md *ctx) {
  void *end = packet_end(ctx);
  struct ethhdr *eth = packet_data(ctx);
  struct iphdr *ip = (void *)(eth + 1);
  struct tcphdr *l4 = (void *)(ip + 1);
  if ((void *)(l4 + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  struct flow key = {ip->saddr, ip->daddr, l4->source, l4->dest, ip->protocol};
  struct flow_state *s = bpf_map_lookup_elem(&flows, &key);
  if (s) {
    __sync_fetch_and_add(&s->packets, 1);
    __sync_fetch_and_add(&s->bytes, end - packet_data(ctx));
    note(0, bpf_map_update_elem(&flows, &key, s, BPF_NOEXIST));
    if (s->packets > 1) return XDP_TX;
    return XDP_PASS;
  }
  struct flow_state fresh = {1, end - packet_data(ctx)};
  note(1, bpf_map_update_elem(&flows, &key, &fresh, BPF_EXIST));
  note(2, bpf_map_update_elem(&flows, &key, &fresh, BPF_NOEXIST));
  if (ip->protocol == IPPROTO_TCP && l4->rst) {
    note(3, bpf_map_delete_elem(&flows, &key));
    note(3, bpf_map_delete_elem(&flows, &key));
  }
  return XDP_DROP;
}
