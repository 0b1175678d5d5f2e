// SPDX-License-Identifier: Apache-2.0
// A chain of TC programs: what an operator would put on the two sides of a port. tests/e2e/tc_test.py has the model.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <stddef.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

enum { TCX_NEXT = -1, TCX_PASS = 0, TCX_DROP = 2 };  // younger than the header
enum { kOther, kHop, kExpired, kMarked, kUnmarked, kEnds };

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, kEnds);
  __type(key, __u32);
  __type(value, __u64);
} ends SEC(".maps");

const volatile __u32 mirror_ifindex = 0;  // copies of TCP go there; 0: nowhere

static __always_inline void count(__u32 end) {
  __u64* n = bpf_map_lookup_elem(&ends, &end);
  if (n) __sync_fetch_and_add(n, 1);
}

// One hop: the TTL goes down and its checksum with it; what is not IPv4 goes on as it is.
SEC("tcx/ingress")
int hop(struct __sk_buff* skb) {
  void* data = (void*)(long)skb->data;
  void* end = (void*)(long)skb->data_end;
  struct ethhdr* eth = data;
  struct iphdr* ip = (void*)(eth + 1);
  if ((void*)(ip + 1) > end || skb->protocol != bpf_htons(ETH_P_IP)) {
    count(kOther);
    return TCX_NEXT;
  }
  if (ip->ttl <= 1) {
    count(kExpired);
    return TCX_DROP;
  }
  const __be16 old = *(__be16*)&ip->ttl;
  --ip->ttl;
  const __be16 new = *(__be16*)&ip->ttl;
  bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), old, new, 2);
  count(kHop);
  return TCX_NEXT;
}

// Marks TCP for the egress; a copy of it goes to the mirror.
SEC("tcx/ingress")
int mark(struct __sk_buff* skb) {
  __u8 protocol = 0;
  bpf_skb_load_bytes(skb, ETH_HLEN + offsetof(struct iphdr, protocol), &protocol, 1);
  if (skb->protocol != bpf_htons(ETH_P_IP) || protocol != 6) return TCX_PASS;
  skb->mark = 6;
  if (mirror_ifindex) bpf_clone_redirect(skb, mirror_ifindex, 0);
  return TCX_PASS;
}

// Marked frames leave under a VLAN tag.
SEC("tcx/egress")
int tag(struct __sk_buff* skb) {
  count(skb->mark == 6 ? kMarked : kUnmarked);
  if (skb->mark == 6) bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 100);
  return TCX_NEXT;
}

char _license[] SEC("license") = "Apache-2.0";
