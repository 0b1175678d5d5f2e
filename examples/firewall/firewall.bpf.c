// SPDX-License-Identifier: Apache-2.0
// firewall.bpf.c — an XDP firewall: block lists, per-verdict counters, a ping responder, and DNS sent to a port of its
// own.
//
// Path of a packet (the first line that applies decides):
//   source or destination in a blocked prefix .......... DROP
//   its 5-tuple is blocked ............................. DROP
//   headers cut short .................................. DROP
//   ICMP or ICMPv6 echo request, if answer_ping ........ TX, answered in place
//   UDP to port 53, if `outputs` has slot OUTPUT_DNS ... REDIRECT
//   anything else, and what is not IP .................. PASS
//
// Maps      blocked_flows  5-tuple -> packets dropped by it        filled from outside, counted here
//           blocked_v4/v6  prefix  -> packets dropped by it
//           verdicts       reason  -> packets and bytes, per CPU
//           outputs        slot    -> port
// Runs      in Sluice and, unchanged, in Linux.
#include <stdbool.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define VLAN_TAGS_MAX 2   // 802.1ad: an outer and an inner tag
#define EXTENSIONS_MAX 4  // IPv6 extension headers that are looked behind; more are treated as "no ports"
#define DNS_PORT 53

// Echo messages of RFC 792 and RFC 4443; code is 0 in all four.
#define ICMP_ECHO_REPLY 0
#define ICMP_ECHO_REQUEST 8
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_REPLY 129

// Set before loading; a constant afterwards, so that the branch it decides is not there at all.
const volatile bool answer_ping = true;

struct icmp_header {  // the part that ICMP and ICMPv6 share
  __u8 type;
  __u8 code;
  __sum16 checksum;
};

struct vlan_header {
  __be16 tci;
  __be16 proto;
};

// IPv4 addresses are held as IPv4-mapped IPv6 addresses (RFC 4291, 2.5.5.2), so that one table serves both.
struct flow_key {
  __u8 saddr[16];
  __u8 daddr[16];
  __be16 sport;
  __be16 dport;
  __u32 proto;
};

struct prefix_v4 {
  __u32 prefixlen;
  __u8 addr[4];
};

struct prefix_v6 {
  __u32 prefixlen;
  __u8 addr[16];
};

enum reason {
  PASS_OTHER,         // not IP
  PASS_IP,
  DROP_PREFIX,
  DROP_FLOW,
  DROP_MALFORMED,
  TX_PING,
  REDIRECT_DNS,
  REASONS,
};

struct counter {
  __u64 packets;
  __u64 bytes;
};

enum output { OUTPUT_DNS, OUTPUTS };

struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4096);
  __type(key, struct flow_key);
  __type(value, __u64);
} blocked_flows SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 1024);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct prefix_v4);
  __type(value, __u64);
} blocked_v4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(max_entries, 1024);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __type(key, struct prefix_v6);
  __type(value, __u64);
} blocked_v6 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, REASONS);
  __type(key, __u32);
  __type(value, struct counter);
} verdicts SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP);
  __uint(max_entries, OUTPUTS);
  __type(key, __u32);
  __type(value, __u32);
} outputs SEC(".maps");

// What the parsers hand on: how far they came, and the flow they found.
struct packet {
  void *data;
  void *end;
  void *next;  // first byte that has not been parsed
  struct flow_key flow;
};

static __always_inline bool has(const struct packet *p, const void *from, __u64 size) {
  return from + size <= p->end;
}

static __always_inline int count(struct xdp_md *ctx, enum reason reason, int verdict) {
  __u32 key = reason;
  struct counter *c = bpf_map_lookup_elem(&verdicts, &key);
  if (!c) return XDP_ABORTED;
  c->packets++;
  c->bytes += ctx->data_end - ctx->data;
  return verdict;
}

static __always_inline bool count_hit(__u64 *hits) {
  if (!hits) return false;
  __sync_fetch_and_add(hits, 1);
  return true;
}

static __always_inline void map_ipv4(__u8 to[16], __be32 address) {
  to[10] = to[11] = 0xff;
  __builtin_memcpy(to + 12, &address, 4);
}

// Sets the EtherType behind at most VLAN_TAGS_MAX tags. False: cut short.
static __always_inline bool parse_ethernet(struct packet *p, __be16 *type) {
  struct ethhdr *eth = p->data;
  if (!has(p, eth, sizeof(*eth))) return false;
  *type = eth->h_proto;
  p->next = eth + 1;
#pragma unroll
  for (int i = 0; i < VLAN_TAGS_MAX; i++) {
    if (*type != bpf_htons(ETH_P_8021Q) && *type != bpf_htons(ETH_P_8021AD)) break;
    struct vlan_header *tag = p->next;
    if (!has(p, tag, sizeof(*tag))) return false;
    *type = tag->proto;
    p->next = tag + 1;
  }
  return true;
}

// Ports of TCP and UDP, zero for every other protocol. False: cut short.
static __always_inline bool parse_ports(struct packet *p) {
  if (p->flow.proto != IPPROTO_TCP && p->flow.proto != IPPROTO_UDP) return true;
  __be16 *ports = p->next;
  if (!has(p, ports, 4)) return false;
  p->flow.sport = ports[0];
  p->flow.dport = ports[1];
  return true;
}

static __always_inline bool prefix_blocked_v4(__be32 address) {
  struct prefix_v4 key = {.prefixlen = 32};
  __builtin_memcpy(key.addr, &address, 4);
  return count_hit(bpf_map_lookup_elem(&blocked_v4, &key));
}

static __always_inline bool prefix_blocked_v6(const struct in6_addr *address) {
  struct prefix_v6 key = {.prefixlen = 128};
  __builtin_memcpy(key.addr, address, 16);
  return count_hit(bpf_map_lookup_elem(&blocked_v6, &key));
}

static __always_inline void swap_ethernet(struct ethhdr *eth) {
  __u8 mac[ETH_ALEN];
  __builtin_memcpy(mac, eth->h_source, ETH_ALEN);
  __builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
  __builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
}

// RFC 1624, equation 3: HC' = ~(~HC + ~m + m') for the 16-bit word that holds type and code.
static __always_inline __sum16 checksum_after(__sum16 old, __be16 from, __be16 to) {
  __u32 sum = (__u16)~old + (__u16)~from + to;
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

// Turns an echo request into its reply. Swapping the addresses leaves every checksum over them as it was.
static __always_inline bool answer(struct packet *p, __u8 request, __u8 reply) {
  struct icmp_header *icmp = p->next;
  if (!has(p, icmp, sizeof(*icmp)) || icmp->type != request || icmp->code != 0) return false;
  icmp->checksum = checksum_after(icmp->checksum, bpf_htons(request << 8), bpf_htons(reply << 8));
  icmp->type = reply;
  swap_ethernet(p->data);
  return true;
}

// RFC 1122, 3.2.2.6: an echo request to a group need not be answered, and a reply's source must be one host.
static __always_inline bool answer_v4(struct packet *p, struct iphdr *ip) {
  if (bpf_ntohl(ip->daddr) >= 0xe0000000 || !answer(p, ICMP_ECHO_REQUEST, ICMP_ECHO_REPLY)) return false;
  __be32 source = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = source;
  return true;
}

static __always_inline bool answer_v6(struct packet *p, struct ipv6hdr *ip) {
  if (ip->daddr.s6_addr[0] == 0xff || !answer(p, ICMPV6_ECHO_REQUEST, ICMPV6_ECHO_REPLY)) return false;
  struct in6_addr source = ip->saddr;
  ip->saddr = ip->daddr;
  ip->daddr = source;
  return true;
}

// What is the same for both families once the flow is known.
static __always_inline int judge_flow(struct xdp_md *ctx, struct packet *p) {
  if (count_hit(bpf_map_lookup_elem(&blocked_flows, &p->flow))) return count(ctx, DROP_FLOW, XDP_DROP);
  if (p->flow.proto == IPPROTO_UDP && p->flow.dport == bpf_htons(DNS_PORT)) {
    // The flags are the verdict when the slot is empty.
    int verdict = bpf_redirect_map(&outputs, OUTPUT_DNS, XDP_PASS);
    if (verdict == XDP_REDIRECT) return count(ctx, REDIRECT_DNS, verdict);
  }
  return count(ctx, PASS_IP, XDP_PASS);
}

static __always_inline int judge_v4(struct xdp_md *ctx, struct packet *p) {
  struct iphdr *ip = p->next;
  if (!has(p, ip, sizeof(*ip)) || ip->ihl < 5) return count(ctx, DROP_MALFORMED, XDP_DROP);
  if (prefix_blocked_v4(ip->saddr) || prefix_blocked_v4(ip->daddr)) return count(ctx, DROP_PREFIX, XDP_DROP);
  map_ipv4(p->flow.saddr, ip->saddr);
  map_ipv4(p->flow.daddr, ip->daddr);
  p->flow.proto = ip->protocol;
  p->next = (void *)ip + ip->ihl * 4;
  // A later fragment has no ports and no ICMP header: only its addresses and its protocol are judged.
  bool first = !(ip->frag_off & bpf_htons(0x1fff));
  if (first && !parse_ports(p)) return count(ctx, DROP_MALFORMED, XDP_DROP);
  if (answer_ping && ip->protocol == IPPROTO_ICMP && !(ip->frag_off & bpf_htons(0x3fff)) && answer_v4(p, ip))
    return count(ctx, TX_PING, XDP_TX);
  return judge_flow(ctx, p);
}

// Steps over extension headers, RFC 8200, 4.1. False: cut short. `whole` says that nothing was fragmented.
static __always_inline bool skip_extensions(struct packet *p, __u8 proto, bool *whole) {
  *whole = true;
#pragma unroll
  for (int i = 0; i < EXTENSIONS_MAX; i++) {
    struct ipv6_opt_hdr *header = p->next;
    if (proto == IPPROTO_HOPOPTS || proto == IPPROTO_ROUTING || proto == IPPROTO_DSTOPTS) {
      if (!has(p, header, sizeof(*header))) return false;
      proto = header->nexthdr;
      p->next += (header->hdrlen + 1) * 8;
    } else if (proto == IPPROTO_FRAGMENT) {
      if (!has(p, header, 8)) return false;
      *whole = false;
      proto = header->nexthdr;
      p->next += 8;
    } else {
      break;
    }
  }
  p->flow.proto = proto;
  return true;
}

static __always_inline int judge_v6(struct xdp_md *ctx, struct packet *p) {
  struct ipv6hdr *ip = p->next;
  if (!has(p, ip, sizeof(*ip))) return count(ctx, DROP_MALFORMED, XDP_DROP);
  if (prefix_blocked_v6(&ip->saddr) || prefix_blocked_v6(&ip->daddr)) return count(ctx, DROP_PREFIX, XDP_DROP);
  __builtin_memcpy(p->flow.saddr, &ip->saddr, 16);
  __builtin_memcpy(p->flow.daddr, &ip->daddr, 16);
  p->next = ip + 1;
  bool whole;
  if (!skip_extensions(p, ip->nexthdr, &whole)) return count(ctx, DROP_MALFORMED, XDP_DROP);
  if (whole && !parse_ports(p)) return count(ctx, DROP_MALFORMED, XDP_DROP);
  if (answer_ping && whole && p->flow.proto == IPPROTO_ICMPV6 && answer_v6(p, ip)) return count(ctx, TX_PING, XDP_TX);
  return judge_flow(ctx, p);
}

SEC("xdp")
int firewall(struct xdp_md *ctx) {
  struct packet p = {.data = (void *)(long)ctx->data, .end = (void *)(long)ctx->data_end};
  __be16 type;
  if (!parse_ethernet(&p, &type)) return count(ctx, DROP_MALFORMED, XDP_DROP);
  if (type == bpf_htons(ETH_P_IP)) return judge_v4(ctx, &p);
  if (type == bpf_htons(ETH_P_IPV6)) return judge_v6(ctx, &p);
  return count(ctx, PASS_OTHER, XDP_PASS);
}

char _license[] SEC("license") = "Apache-2.0";
