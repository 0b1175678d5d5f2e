/* SPDX-License-Identifier: Apache-2.0 */
/* skb_meta.c — what is known of a struct sk_buff beside its bytes: type, flow hash, time, socket, groups; and ECN.
 *
 * Shape     there are no classes, realms or groups of tasks here: their numbers are those of Linux where nobody has
 *           made any.
 */
#include "bpf/runtime/skb.h"

enum { kPacketOtherHost = 3, kRootGroup = 1 };

BPF_BODY(bpf_skb_change_type) {
  struct sk_buff* skb = skb_of(r1);
  if (skb->pkt_type > kPacketOtherHost || (uint32_t)r2 > kPacketOtherHost) return skb_error(EINVAL);
  skb->pkt_type = (uint8_t)r2;
  return 0;
}

BPF_BODY(bpf_set_hash) {
  struct sk_buff* skb = skb_of(r1);
  skb->hash = (uint32_t)r2;
  skb->hash_known = 1;
  return 0;
}

BPF_BODY(bpf_set_hash_invalid) {
  skb_clear_hash(skb_of(r1));
  return 0;
}

static inline uint32_t mix(uint32_t hash, uint32_t word) {
  return (hash ^ word) * 0x9e3779b1u ^ (hash >> 15);
}

/* The words of both ends, the smaller first: both directions of a flow have one hash. */
static inline uint32_t mix_ends(uint32_t hash, const uint8_t* a, const uint8_t* b, uint32_t bytes) {
  const int swap = memcmp(a, b, bytes) > 0;
  const uint8_t* const ends[2] = {swap ? b : a, swap ? a : b};
  for (int end = 0; end < 2; ++end)
    for (uint32_t i = 0; i < bytes; i += 2) hash = mix(hash, (uint32_t)ends[end][i] << 8 | ends[end][i + 1]);
  return hash;
}

static uint32_t flow_hash(const struct sk_buff* skb) {
  const uint8_t* const ip = skb_head(skb) + skb->network_header;
  const uint32_t offset = (uint32_t)skb_network_offset(skb);
  const uint32_t bytes = offset <= skb->len ? skb->len - offset : 0;
  uint32_t hash = skb->protocol, proto = 0, ports = 0;
  if (skb->protocol == eth_ip4() && bytes >= kIp4Bytes) {
    hash = mix_ends(hash, ip + 12, ip + 16, 4);
    proto = ip[9];
    if (((ip[6] & 0x3f) | ip[7]) == 0) ports = (ip[0] & 15u) * 4;
  } else if (skb->protocol == eth_ip6() && bytes >= kIp6Bytes) {
    hash = mix_ends(hash, ip + 8, ip + 24, 16);
    proto = ip[6];
    ports = kIp6Bytes;
  }
  hash = mix(hash, proto);
  if (ports && (proto == 6 || proto == 17) && bytes >= ports + 4) hash = mix_ends(hash, ip + ports, ip + ports + 2, 2);
  hash ^= hash >> 16;
  return hash ? hash : 1;
}

BPF_BODY(bpf_get_hash_recalc) {
  struct sk_buff* skb = skb_of(r1);
  if (!skb->hash_known) skb->hash = flow_hash(skb);
  skb->hash_known = 1;
  return skb->hash;
}

BPF_BODY(bpf_skb_set_tstamp) {
  enum { kRealtime, kMonotonic, kTai };
  struct sk_buff* skb = skb_of(r1);
  if (skb->protocol != eth_ip4() && skb->protocol != eth_ip6()) return skb_error(EOPNOTSUPP);
  const uint32_t clock = (uint32_t)r3;
  if (clock > kTai || (clock != kRealtime && r2 == 0)) return skb_error(EINVAL);
  skb->tstamp = r2;
  skb->tstamp_type = (uint8_t)clock;
  return 0;
}

/* The protocol behind VLAN tags in the bytes; 0 where the packet ends before it. */
static inline uint16_t inner_protocol(const struct sk_buff* skb) {
  enum { kTagsMax = 8 };
  uint16_t proto = skb->protocol;
  if (!is_eth_vlan(proto)) return proto;
  uint32_t at = skb->mac_len ? skb->mac_len - kVlanBytes : kEthBytes;
  for (int left = kTagsMax; is_eth_vlan(proto); at += kVlanBytes) {
    if (!skb_holds(skb, at, kVlanBytes) || --left == 0) return 0;
    memcpy(&proto, skb_data(skb) + at + 2, 2);
  }
  return proto;
}

static inline int set_ce4(uint8_t* ip) {
  const uint32_t ecn = (ip[1] + 1u) & 3;
  if (!(ecn & 2)) return !ecn;
  uint16_t sum;
  memcpy(&sum, ip + 10, 2);
  sum = csum_add16(sum, (uint16_t)(net16(0xfffb) + net16((uint16_t)ecn)));
  memcpy(ip + 10, &sum, 2);
  ip[1] |= 3;
  return 1;
}

static inline int set_ce6(struct sk_buff* skb, uint8_t* ip) {
  uint32_t from, to;
  if (!(ip[1] & 0x30)) return 0;
  memcpy(&from, ip, 4);
  ip[1] |= 0x30;
  memcpy(&to, ip, 4);
  if (skb->ip_summed == SKB_CSUM_COMPLETE) skb->csum = csum_add(csum_sub(skb->csum, from), to);
  return 1;
}

BPF_BODY(bpf_skb_ecn_set_ce) {
  struct sk_buff* skb = skb_of(r1);
  const uint16_t proto = inner_protocol(skb);
  if (proto != eth_ip4() && proto != eth_ip6()) return 0;
  const uint32_t bytes = proto == eth_ip4() ? kIp4Bytes : kIp6Bytes;
  if (!skb_holds(skb, (uint32_t)skb_network_offset(skb), bytes)) return 0;
  uint8_t* const ip = skb_head(skb) + skb->network_header;
  return (uint64_t)(proto == eth_ip4() ? set_ce4(ip) : set_ce6(skb, ip));
}

BPF_BODY(bpf_get_socket_cookie) {
  const struct sk_buff* skb = skb_of(r1);
  return skb->sk ? skb->sk->cookie : 0;
}

BPF_BODY(bpf_get_socket_uid) {
  enum { kNobody = 65534 };
  const struct sk_buff* skb = skb_of(r1);
  return skb->sk ? skb->sk->uid : kNobody;
}

BPF_BODY(bpf_get_cgroup_classid) {
  return 0;
}
BPF_BODY(bpf_skb_cgroup_classid) {
  return 0;
}
BPF_BODY(bpf_get_route_realm) {
  return 0;
}

BPF_BODY(bpf_skb_cgroup_id) {
  return skb_of(r1)->sk ? kRootGroup : 0;
}
BPF_BODY(bpf_skb_ancestor_cgroup_id) {
  return skb_of(r1)->sk && (int32_t)r2 == 0 ? kRootGroup : 0;
}

/* Every socket here is a full one. */
BPF_BODY(bpf_sk_fullsock) {
  return r1;
}
