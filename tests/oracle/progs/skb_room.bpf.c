// SPDX-License-Identifier: Apache-2.0
// Random sequences of everything that moves bytes: heads, tails, room between headers, VLAN tags, protocols.
#include "skb.bpf.h"

enum { kHead, kTail, kProto, kRoom, kPush, kPop, kPull, kMove, kOperations };

// `far`: by many bytes. Linux then moves the packet to another buffer, and afterwards change_tail goes by a transport
// header that was never set; so the packet only grows.
static inline __attribute__((always_inline)) long operate(struct __sk_buff *skb, __u32 what, __u32 how, int far) {
  int by = far ? (int)(how << 24) >> (how & 0x100 ? 16 : 24) : (int)(how << 28) >> 28;
  switch (what % kOperations) {
    case kHead:
      return bpf_skb_change_head(skb, how & (far ? 0x7f : 7), how >> 31);
    case kTail:
      if (far) return bpf_skb_change_tail(skb, skb->len + (how & 0x3ff), how >> 31);
      return bpf_skb_change_tail(skb, how & 0x40000000 ? how & 0x7fff : how & 0x3ff, how >> 31);
    case kProto:
      return bpf_skb_change_proto(skb, bpf_htons(how & 1 ? ETH_P_IPV6 : how & 2 ? ETH_P_ARP : ETH_P_IP), how >> 31);
    case kRoom:
      return bpf_skb_adjust_room(skb, by, how >> 30, how >> 16 & 0x1bf);
    case kPush:
      return bpf_skb_vlan_push(skb, bpf_htons(how & 1 ? ETH_P_8021AD : how & 2 ? ETH_P_8021Q : 0x1234), how >> 8);
    case kPop:
      return bpf_skb_vlan_pop(skb);
    case kPull:
      return bpf_skb_pull_data(skb, how & 0xfff);
    default: {
      __u32 word = how;
      return bpf_skb_store_bytes(skb, how & 0x3f, &word, 4, how >> 31);
    }
  }
}

static inline __attribute__((always_inline)) int operate_all(struct __sk_buff *skb, int far) {
#pragma unroll
  for (int i = 0; i < 5; ++i) {
    __u32 word = skb->cb[i];
    skb->cb[i] = operate(skb, word, word >> 3 ^ skb->mark, far);
    note(skb->len), note(skb->protocol), note(skb->vlan_present);
    note(skb->vlan_present ? skb->vlan_tci : 0), note(skb->vlan_present ? skb->vlan_proto : 0);
    note(skb->gso_size), note(skb->gso_segs);
    note((long)skb->data_end - (long)skb->data);
  }
  return skb->len;
}

SEC("tc")
int near_room(struct __sk_buff *skb) {
  return operate_all(skb, 0);
}

SEC("action")
int far_room(struct __sk_buff *skb) {
  return operate_all(skb, 1);
}

// One change at a time, with wild arguments.
SEC("tc")
int wild_room(struct __sk_buff *skb) {
  skb->cb[0] = bpf_skb_adjust_room(skb, skb->cb[0], skb->cb[1], skb->cb[2]);
  return skb->len;
}

SEC("tc")
int wild_tail(struct __sk_buff *skb) {
  skb->cb[0] = bpf_skb_change_tail(skb, skb->cb[0], skb->cb[1] & 1);
  skb->cb[1] = bpf_skb_change_tail(skb, skb->cb[2], 0);
  return skb->len;
}

SEC("tc")
int wild_head(struct __sk_buff *skb) {
  __u32 mask = skb->gso_size ? 0x3fff : ~0;  // a packet that will be cut has no greatest length
  skb->cb[0] = bpf_skb_change_head(skb, skb->cb[0] & mask, skb->cb[1] & 1);
  skb->cb[1] = bpf_skb_change_head(skb, skb->cb[2] & mask, 0);
  return skb->len;
}

// Encapsulation with the flags that go with it, then the tail, then the way back.
SEC("tc")
int encapsulate(struct __sk_buff *skb) {
  static const __u64 kFlags[] = {BPF_F_ADJ_ROOM_ENCAP_L3_IPV4, BPF_F_ADJ_ROOM_ENCAP_L3_IPV6,
                                 BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 | BPF_F_ADJ_ROOM_ENCAP_L4_UDP,
                                 BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 | BPF_F_ADJ_ROOM_ENCAP_L4_GRE};
  __u64 flags = kFlags[skb->cb[0] & 3];
  if (skb->cb[1] & 1) flags |= BPF_F_ADJ_ROOM_ENCAP_L2_ETH | (__u64)(skb->cb[2] & 31) << 56;
  skb->cb[0] = bpf_skb_adjust_room(skb, skb->cb[2] & 0x7f, BPF_ADJ_ROOM_MAC, flags);
  note(skb->protocol);
  if (skb->cb[1] & 2) note(bpf_skb_adjust_room(skb, 20, BPF_ADJ_ROOM_MAC, flags));
  if (skb->cb[1] & 4) note(bpf_skb_change_tail(skb, (skb->cb[3] & 0x7f) + 0x100, 0));
  note(bpf_skb_adjust_room(skb, -(int)(skb->cb[3] & 0x3f), skb->cb[4] & 1,
                           skb->cb[4] & 2 ? skb->cb[4] & 0x180 : 0));
  note(skb->protocol);
  return skb->len;
}
