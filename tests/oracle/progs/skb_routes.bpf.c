// SPDX-License-Identifier: Apache-2.0
// Programs of a route: they see packets from the network header on, and may change them on the way out.
#include "skb.bpf.h"

static inline __attribute__((always_inline)) int look(struct __sk_buff *skb) {
  __u64 bytes[2] = {};
  note(skb->len), note(skb->protocol), note(skb->pkt_type), note(skb->mark), note(skb->queue_mapping);
  note(skb->ifindex), note(skb->gso_segs), note(skb->priority);
  note(bpf_skb_load_bytes(skb, skb->cb[0], bytes, (skb->cb[1] & 15) + 1)), note(bytes[0]), note(bytes[1]);
  note(bpf_skb_pull_data(skb, skb->cb[2]));
  note(bpf_get_route_realm(skb)), note(bpf_get_cgroup_classid(skb)), note(bpf_get_hash_recalc(skb) != 0);
  skb->mark = skb->cb[3];
  skb->priority = skb->cb[4];
  skb->cb[1] = skb->len;
  __u32 *p = (void *)(long)skb->data;
  if ((void *)(p + 5) > (void *)(long)skb->data_end) return 2;
  note(p[2]), note(p[4]);
  return 128;
}

SEC("lwt_in")
int enter(struct __sk_buff *skb) {
  return look(skb);
}

SEC("lwt_out")
int leave(struct __sk_buff *skb) {
  return look(skb);
}

SEC("lwt_xmit")
int transmit(struct __sk_buff *skb) {
  __u32 word = skb->mark, a = skb->cb[0], b = skb->cb[1], c = skb->cb[2], d = skb->cb[3], e = skb->cb[4];
  skb->cb[0] = bpf_skb_store_bytes(skb, a, &word, 4, b & 3);
  skb->cb[1] = bpf_skb_change_tail(skb, c & 0x7ff, 0);
  skb->cb[2] = bpf_l3_csum_replace(skb, d & 0x3e, word, skb->priority, 4);
  skb->cb[3] = bpf_skb_change_head(skb, e & 31, 0);
  skb->cb[4] = bpf_l4_csum_replace(skb, d & 0x3e, 0, word, b & 0xf0);
  bpf_set_hash_invalid(skb);
  note(skb->len), note(skb->hash), note(bpf_csum_level(skb, 0)), note(bpf_csum_update(skb, 0) == 0);
  if (skb->mark & 1) return bpf_redirect(a, d & 3);
  __u32 *p = (void *)(long)skb->data;
  if ((void *)(p + 5) > (void *)(long)skb->data_end) return 2;
  p[4] = e;
  return 0;
}
