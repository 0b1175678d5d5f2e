// SPDX-License-Identifier: Apache-2.0
// What is known of a packet beside its bytes: type, hash, time, ECN, groups; and where it is to go.
#include "skb.bpf.h"

SEC("tc")
int meta(struct __sk_buff *skb) {
  skb->cb[0] = bpf_skb_change_type(skb, skb->cb[0] & 7);
  note(skb->pkt_type);
  note(bpf_skb_change_type(skb, skb->cb[1])), note(skb->pkt_type);
  note(bpf_skb_set_tstamp(skb, skb->cb[2] & 1 ? skb->mark : 0, skb->cb[3] & 3)), note(skb->tstamp_type);
  note(bpf_skb_set_tstamp(skb, skb->mark, skb->cb[4])), note(skb->tstamp_type), note(skb->tstamp);
  note(bpf_get_cgroup_classid(skb)), note(bpf_skb_cgroup_classid(skb)), note(bpf_get_route_realm(skb));
  note(bpf_skb_cgroup_id(skb)), note(bpf_skb_ancestor_cgroup_id(skb, skb->cb[1] & 3));
  note(bpf_get_socket_uid(skb)), note(bpf_get_socket_cookie(skb) != 0);
  return 1;
}

SEC("action")
int hash(struct __sk_buff *skb) {
  note(skb->hash);
  __u32 own = bpf_get_hash_recalc(skb);
  note(own != 0), note(skb->hash == own), note(bpf_get_hash_recalc(skb) == own);
  note(bpf_set_hash(skb, skb->mark)), note(skb->hash), note(bpf_get_hash_recalc(skb));
  bpf_set_hash_invalid(skb);
  note(skb->hash), note(bpf_get_hash_recalc(skb) == own);
  bpf_set_hash(skb, 0);
  note(bpf_get_hash_recalc(skb));
  return skb->hash;
}

SEC("tc")
int ecn(struct __sk_buff *skb) {
  if (skb->cb[0] & 1) note(bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), skb->cb[1] & 0xfff));
  if (skb->cb[0] & 2) note(bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), skb->cb[1] & 0xfff));
  skb->cb[0] = bpf_skb_ecn_set_ce(skb);
  skb->cb[1] = bpf_skb_ecn_set_ce(skb);
  return 0;
}

SEC("cgroup_skb/egress")
int cgroup_ecn(struct __sk_buff *skb) {
  return bpf_skb_ecn_set_ce(skb) ? 2 : 1;
}

SEC("tc")
int redirects(struct __sk_buff *skb) {
  struct bpf_redir_neigh neighbour = {};
  note(bpf_redirect(skb->cb[0], skb->cb[1])), note(bpf_redirect_peer(skb->cb[0], skb->cb[2] & 3));
  note(bpf_redirect_neigh(skb->cb[0], 0, 0, skb->cb[3] & 1));
  note(bpf_redirect_neigh(skb->cb[0], &neighbour, (skb->cb[4] & 15) + 1, 0));
  note(bpf_redirect_neigh(skb->cb[0], &neighbour, sizeof neighbour, 0));
  skb->cb[4] = bpf_clone_redirect(skb, 0x7ffffff0, 0); note(bpf_clone_redirect(skb, 1, 6));
  return bpf_redirect(skb->cb[0], skb->cb[2] & 1);
}
