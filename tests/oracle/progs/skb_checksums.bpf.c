// SPDX-License-Identifier: Apache-2.0
// Mending checksums at random places with random flags, of packets with and without a sum over all of them.
#include "skb.bpf.h"

SEC("tc")
int l3(struct __sk_buff *skb) {
  __u32 flags = skb->cb[4];
  skb->cb[0] = bpf_l3_csum_replace(skb, skb->cb[0], skb->cb[1], skb->cb[2], flags & 6);
  skb->cb[1] = bpf_l3_csum_replace(skb, skb->cb[3], 0, skb->cb[2], 0);
  skb->cb[2] = bpf_l3_csum_replace(skb, skb->cb[3] & 0x3e, skb->mark, skb->priority, flags);
  return 0;
}

SEC("action")
int l4(struct __sk_buff *skb) {
  __u32 flags = skb->cb[4];
  skb->cb[0] = bpf_l4_csum_replace(skb, skb->cb[0], skb->cb[1], skb->cb[2], flags & 0xf6);
  skb->cb[1] = bpf_l4_csum_replace(skb, skb->cb[3], 0, skb->cb[2], flags & 0xf0);
  skb->cb[2] = bpf_l4_csum_replace(skb, skb->cb[3] & 0x3e, skb->mark, skb->priority, flags);
  return 0;
}

// What a translation of addresses does: the sum over the packet stays right.
SEC("tc")
int translate(struct __sk_buff *skb) {
  __u32 old = 0, new = skb->mark;
  if (skb->protocol != bpf_htons(ETH_P_IP)) return 1;
  if (bpf_skb_load_bytes(skb, 30, &old, 4)) return 2;
  note(bpf_l4_csum_replace(skb, 40, old, new, BPF_F_PSEUDO_HDR | BPF_F_MARK_MANGLED_0 | 4));
  note(bpf_l3_csum_replace(skb, 24, old, new, 4));
  note(bpf_skb_store_bytes(skb, 30, &new, 4, BPF_F_RECOMPUTE_CSUM));
  __s64 diff = bpf_csum_diff(&old, 4, &new, 4, skb->priority);
  note(diff);
  note(bpf_l4_csum_replace(skb, 40, 0, diff, BPF_F_PSEUDO_HDR));
  return 7;
}

SEC("tc")
int level(struct __sk_buff *skb) {
  note(bpf_csum_level(skb, skb->cb[0] & 3)), note(bpf_csum_level(skb, 0));
  note(bpf_csum_level(skb, skb->cb[1] & 3)), note(bpf_csum_level(skb, 0));
  note(bpf_csum_level(skb, skb->cb[2] & 7)), note(bpf_csum_level(skb, 0));
  note(bpf_csum_level(skb, skb->cb[3])), note(bpf_csum_level(skb, 0));
  note(bpf_csum_update(skb, skb->cb[4] & 1 ? skb->mark : 0));
  return 0;
}
