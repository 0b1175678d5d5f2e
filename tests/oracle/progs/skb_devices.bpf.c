// SPDX-License-Identifier: Apache-2.0
// What devices are asked for: the longest packet, a route. The loopback is the one both sides have.
#include "skb.bpf.h"

SEC("tc")
int mtu(struct __sk_buff *skb) {
  __u32 longest = skb->cb[0] & 1 ? skb->cb[1] : 0;
  skb->cb[0] = bpf_check_mtu(skb, skb->cb[0] & 6 ? 1 : 0, &longest, skb->cb[2], skb->cb[3] & 3);
  skb->cb[1] = longest;
  longest = skb->cb[4];
  note(bpf_check_mtu(skb, 0x7ffffff0, &longest, 0, 0)), note(longest);
  note(bpf_check_mtu(skb, 1, &longest, skb->mark, skb->priority)), note(longest);
  return 0;
}

SEC("action")
int route(struct __sk_buff *skb) {
  struct bpf_fib_lookup request = {};
  request.family = skb->cb[0] & 1 ? 2 : skb->cb[0] & 2 ? 10 : skb->cb[0];
  request.ifindex = skb->cb[1] & 3 ? 1 : 0x7ffffff0;
  request.ipv4_dst = skb->mark;
  note(bpf_fib_lookup(skb, &request, sizeof request, skb->cb[2] & 3));
  note(bpf_fib_lookup(skb, &request, sizeof request - 1, 0));
  skb->cb[0] = bpf_fib_lookup(skb, &request, sizeof request, skb->cb[3]);
  return 0;
}

// Clocks move on, and go together.
SEC("tc")
int clocks(struct __sk_buff *skb) {
  __u64 tai = bpf_ktime_get_tai_ns(), boot = bpf_ktime_get_boot_ns();
  note(tai > boot), note(bpf_ktime_get_tai_ns() >= tai);
  return 0;
}
