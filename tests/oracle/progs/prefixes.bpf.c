// SPDX-License-Identifier: Apache-2.0
// Longest prefix match of the source address, prefixes of several lengths, one inserted by a packet.
// oracle: set prefixes 080000000a000000 = 01000000
// oracle: set prefixes 100000000a010000 = 02000000
// oracle: set prefixes 200000000a010002 = 03000000
// oracle: set prefixes 0c000000ac100000 = 01000000
// oracle: verdicts DROP PASS TX ABORTED
#include "common.bpf.h"

struct prefix {
  __u32 bits;
  __be32 address;
};
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __type(key, struct prefix);
  __type(value, __u32);
  __uint(max_entries, 16);
  __uint(map_flags, BPF_F_NO_PREALLOC);
} prefixes SEC(".maps");

SEC("xdp")
int prefixes_prog(struct xdp_md *ctx) {
  struct ethhdr *eth = packet_data(ctx);
  struct iphdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > packet_end(ctx) || eth->h_proto != bpf_htons(ETH_P_IP)) return XDP_ABORTED;
  struct prefix key = {32, ip->saddr};
  __u32 *verdict = bpf_map_lookup_elem(&prefixes, &key);
  if (verdict) return *verdict;
  __u32 pass = XDP_PASS;
  struct prefix nine = {24, ip->saddr};
  bpf_map_update_elem(&prefixes, &nine, &pass, BPF_NOEXIST);
  return XDP_ABORTED;
}
