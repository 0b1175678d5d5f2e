// SPDX-License-Identifier: Apache-2.0
// Sends IPv4 back where it came from: addresses swapped, TTL lowered, checksum updated (RFC 1624).
// oracle: verdicts TX PASS DROP
#include "common.bpf.h"

SEC("xdp")
int reflect(struct xdp_md *ctx) {
  void *end = packet_end(ctx);
  struct ethhdr *eth = packet_data(ctx);
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_PASS;
  if (ip->ttl <= 1) return XDP_DROP;

  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
  __builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
  __builtin_memcpy(eth->h_source, mac, ETH_ALEN);
  __be32 from = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = from;

  __u32 sum = (__u16)~ip->check;
  sum += (__u16)~*(__u16 *)&ip->ttl;
  ip->ttl -= 1;
  sum += *(__u16 *)&ip->ttl;
  sum = (sum & 0xffff) + (sum >> 16);
  ip->check = (__u16) ~((sum & 0xffff) + (sum >> 16));
  return XDP_TX;
}
