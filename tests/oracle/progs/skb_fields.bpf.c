// SPDX-License-Identifier: Apache-2.0
// Every field of the context, whole and in parts; every store that is allowed.
#include "skb.bpf.h"

#define LOAD(type, field, at) *(volatile type *)((volatile char *)&skb->field + (at))

static inline __attribute__((always_inline)) void note_common(struct __sk_buff *skb) {
  note(LOAD(__u32, len, 0)), note(LOAD(__u16, len, 0)), note(LOAD(__u8, len, 1));
  note(LOAD(__u32, pkt_type, 0)), note(LOAD(__u8, pkt_type, 0)), note(LOAD(__u8, pkt_type, 1));
  note(LOAD(__u32, mark, 0)), note(LOAD(__u16, mark, 2)), note(LOAD(__u8, mark, 3));
  note(LOAD(__u32, queue_mapping, 0)), note(LOAD(__u16, queue_mapping, 2));
  note(LOAD(__u32, protocol, 0)), note(LOAD(__u8, protocol, 0)), note(LOAD(__u8, protocol, 3));
  note(LOAD(__u32, vlan_present, 0)), note(LOAD(__u32, vlan_tci, 0)), note(LOAD(__u16, vlan_proto, 0));
  note(LOAD(__u32, priority, 0)), note(LOAD(__u8, priority, 2));
  note(LOAD(__u32, ingress_ifindex, 0)), note(LOAD(__u32, ifindex, 0)), note(LOAD(__u16, ifindex, 0));
  note(LOAD(__u32, tc_index, 0)), note(LOAD(__u8, tc_index, 0));
  note(LOAD(__u64, cb, 0)), note(LOAD(__u8, cb, 5)), note(LOAD(__u16, cb, 18)), note(LOAD(__u32, cb, 16));
  note(LOAD(__u32, hash, 0)), note(LOAD(__u32, napi_id, 0));
  note(LOAD(__u32, gso_segs, 0)), note(LOAD(__u16, gso_segs, 0)), note(LOAD(__u32, gso_size, 0));
  note(skb->sk != 0);
}

static inline void write_cb(struct __sk_buff *skb) {
  LOAD(__u8, cb, 3) = (__u8)(skb->mark + 1);
  LOAD(__u16, cb, 6) = (__u16)(skb->len ^ 0x1234);
  LOAD(__u64, cb, 8) += skb->priority;
  LOAD(__u32, cb, 16) = skb->len;
}

SEC("socket")
int socket_fields(struct __sk_buff *skb) {
  note_common(skb);
  write_cb(skb);
  return skb->len;
}

static inline __attribute__((always_inline)) void note_cgroup(struct __sk_buff *skb) {
  note_common(skb);
  note(LOAD(__u32, family, 0)), note(LOAD(__u16, family, 0)), note(LOAD(__u8, family, 3));
  note(skb->remote_ip4), note(skb->local_ip4);
  note(skb->remote_ip6[0]), note(skb->remote_ip6[3]), note(skb->local_ip6[1]), note(skb->local_ip6[2]);
  note(LOAD(__u32, remote_port, 0)), note(LOAD(__u16, remote_port, 2)), note(LOAD(__u32, local_port, 0));
  note(skb->tstamp), note(skb->hwtstamp);
  note((long)skb->data_end - (long)skb->data);
  write_cb(skb);
  skb->mark = skb->priority * 3;
  skb->priority = skb->len;
  skb->tstamp = skb->tstamp + 1;
}

SEC("cgroup_skb/ingress")
int cgroup_in_fields(struct __sk_buff *skb) {
  note_cgroup(skb);
  return skb->len & 1;
}

SEC("cgroup_skb/egress")
int cgroup_out_fields(struct __sk_buff *skb) {
  note_cgroup(skb);
  struct bpf_sock *sk = skb->sk;
  if (!sk) return 3;
  note(sk->family), note(sk->bound_dev_if), note(sk->src_port), note(sk->dst_port), note(sk->state);
  note(sk->src_ip4), note(sk->dst_ip4), note(sk->src_ip6[1]), note(sk->dst_ip6[2]), note(sk->rx_queue_mapping);
  sk = bpf_sk_fullsock(sk);
  if (!sk) return 2;
  note(sk->type), note(sk->protocol), note(sk->mark), note(sk->priority);
  return skb->len & 3;
}

static inline __attribute__((always_inline)) void tc_fields(struct __sk_buff *skb) {
  note_common(skb);
  note(LOAD(__u32, tc_classid, 0)), note(LOAD(__u16, tc_classid, 2));
  note(skb->tstamp), note(skb->hwtstamp), note(skb->tstamp_type);
  note(LOAD(__u32, wire_len, 0)), note(LOAD(__u8, wire_len, 1));
  note((long)skb->data_end - (long)skb->data), note((long)skb->data - (long)skb->data_meta);
  write_cb(skb);
  LOAD(__u32, queue_mapping, 0) = skb->mark;
  note(LOAD(__u32, queue_mapping, 0));
  LOAD(__u32, queue_mapping, 0) = 0x12345;
  note(LOAD(__u32, queue_mapping, 0));
  LOAD(__u32, queue_mapping, 0) = 0xffff;
  note(LOAD(__u32, queue_mapping, 0));
  LOAD(__u32, queue_mapping, 0) = 77;
  LOAD(__u32, queue_mapping, 0) = -2;
  note(LOAD(__u32, queue_mapping, 0));
  LOAD(__u32, tc_index, 0) = skb->priority;
  note(LOAD(__u32, tc_index, 0));
  LOAD(__u32, tc_classid, 0) = skb->mark;
  note(LOAD(__u32, tc_classid, 0));
  skb->tstamp = skb->tstamp ^ skb->mark;
  skb->mark = skb->mark + 1;
  skb->priority = 0xfffffffe;
}

SEC("tc")
int cls_fields(struct __sk_buff *skb) {
  tc_fields(skb);
  return -1;
}

SEC("action")
int act_fields(struct __sk_buff *skb) {
  tc_fields(skb);
  return skb->priority;
}
