// SPDX-License-Identifier: Apache-2.0
// Ethernet, up to two VLAN tags, IPv4 with options, IPv6, TCP, UDP: counts per protocol, a verdict per kind.
// oracle: verdicts DROP PASS TX ABORTED
#include "common.bpf.h"

DEFINE_MAP(counters, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, __u64, 256);

struct vlan_tag {
  __be16 id;
  __be16 type;
};

static inline void count(__u32 what) {
  __u64 *n = bpf_map_lookup_elem(&counters, &what);
  if (n) *n += 1;
}

static inline int transport(void *p, void *end, __u8 proto) {
  count(proto);
  if (proto == IPPROTO_UDP) {
    struct udphdr *udp = p;
    if ((void *)(udp + 1) > end) return XDP_ABORTED;
    return udp->dest == bpf_htons(53) ? XDP_TX : XDP_PASS;
  }
  if (proto == IPPROTO_TCP) {
    struct tcphdr *tcp = p;
    if ((void *)(tcp + 1) > end) return XDP_ABORTED;
    return tcp->syn ? XDP_DROP : XDP_PASS;
  }
  return XDP_PASS;
}

SEC("xdp")
int parse(struct xdp_md *ctx) {
  void *p = packet_data(ctx), *end = packet_end(ctx);
  struct ethhdr *eth = p;
  if ((void *)(eth + 1) > end) return XDP_ABORTED;
  __be16 type = eth->h_proto;
  p = eth + 1;
#pragma unroll
  for (int i = 0; i < 2; ++i) {
    if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD)) break;
    struct vlan_tag *tag = p;
    if ((void *)(tag + 1) > end) return XDP_ABORTED;
    type = tag->type;
    p = tag + 1;
    count(200);
  }
  if (type == bpf_htons(ETH_P_IP)) {
    struct iphdr *ip = p;
    if ((void *)(ip + 1) > end) return XDP_ABORTED;
    if (ip->frag_off & bpf_htons(0x1fff)) return XDP_DROP;
    return transport(p + ip->ihl * 4, end, ip->protocol);
  }
  if (type == bpf_htons(ETH_P_IPV6)) {
    struct ipv6hdr *ip = p;
    if ((void *)(ip + 1) > end) return XDP_ABORTED;
    return transport(ip + 1, end, ip->nexthdr);
  }
  count(255);
  return XDP_DROP;
}
