/* SPDX-License-Identifier: Apache-2.0 */
/* A layer-4 balancer with everything: VLANs, IPv4 and IPv6, TCP and UDP, virtual services, a table of connections, a
 * consistent-hashing ring behind it, rewriting with checksums, counters per service. */
#include "perf/engines/progs/prog.bpf.h"
#include "perf/engines/progs/headers.bpf.h"

struct service_key {
  u32 address[4];
  u16 port;
  u8 protocol, family;
};
struct service {
  u32 number, flags;
};
struct connection_key {
  u32 source[4], destination[4];
  u16 source_port, destination_port;
  u8 protocol, family;
  u16 pad;
};
struct backend {
  u32 address[4];
  u8 mac[6];
  u16 pad;
};
MAP(services, HASH, struct service_key, struct service, 1024, 0)
MAP(connections, HASH, struct connection_key, u32, 131072, 0)
MAP(ring, ARRAY, u32, u32, 65536, 0)
MAP(backends, ARRAY, u32, struct backend, 256, 0)
MAP(service_packets, PERCPU_ARRAY, u32, u64, 256, 0)
MAP(service_bytes, PERCPU_ARRAY, u32, u64, 256, 0)

enum { kServicePinned = 1 };

static inline __attribute__((always_inline)) void copy_address(u32* to, const u32* from) {
  to[0] = from[0], to[1] = from[1], to[2] = from[2], to[3] = from[3];
}

static inline __attribute__((always_inline)) u32 hash_connection(const struct connection_key* key) {
  u32 a = 0xdeadbeef + key->protocol, b = a, c = a;
  a += key->source[0], b += key->source[1], c += key->source[2];
  MIX3(a, b, c);
  a += key->source[3], b += key->destination[0], c += key->destination[1];
  MIX3(a, b, c);
  a += key->destination[2], b += key->destination[3];
  c += (u32)key->source_port << 16 | key->destination_port;
  return final3(a, b, c);
}

static inline __attribute__((always_inline)) u32 find_backend(const struct connection_key* key, u32 flags,
                                                              ENV_PARAMETER u32* found) {
  u32* known = LOOKUP(connections, hash, key);
  if (known) {
    *found = *known;
    return 1;
  }
  u32 slot = hash_connection(key) & 65535;
  u32* id = LOOKUP(ring, array, &slot);
  if (!id) return 0;
  u32 chosen = *id;
  if (flags & kServicePinned) UPDATE(connections, hash, key, &chosen);
  *found = chosen;
  return 1;
}

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx), *at = data;
  struct connection_key key = {};
  struct service_key wanted = {};
  if (at + sizeof(struct ethernet) > end) return XDP_ABORTED;
  u16 protocol = ((struct ethernet*)at)->protocol;
  at += sizeof(struct ethernet);
#pragma unroll
  for (int i = 0; i < 2; i++) {
    if (protocol != kVlan && protocol != kServiceVlan) break;
    if (at + sizeof(struct vlan) > end) return XDP_ABORTED;
    protocol = ((struct vlan*)at)->protocol;
    at += sizeof(struct vlan);
  }
  u16* ip_checksum = 0;
  u32* destination = 0;
  u32 words = 0;
  if (protocol == kIpv4) {
    struct ipv4* ip = (struct ipv4*)at;
    if (at + sizeof *ip > end) return XDP_ABORTED;
    put_back(ip);
    if (ip->version_length != kPlainHeader || (ip->fragment & kFragmented)) return XDP_PASS;
    if (ip->ttl <= 1) return XDP_PASS;
    key.source[0] = ip->source, key.destination[0] = ip->destination;
    key.protocol = ip->protocol, key.family = 4;
    ip_checksum = &ip->checksum;
    destination = (u32*)((u8*)ip + 16);
    words = 1;
    at += sizeof *ip;
  } else if (protocol == kIpv6) {
    struct ipv6* ip = (struct ipv6*)at;
    if (at + sizeof *ip > end) return XDP_ABORTED;
    if (ip->hop_limit <= 1) return XDP_PASS;
    copy_address(key.source, ip->source);
    copy_address(key.destination, ip->destination);
    key.protocol = ip->next, key.family = 6;
    destination = (u32*)((u8*)ip + 24);
    words = 4;
    at += sizeof *ip;
  } else {
    return XDP_PASS;
  }

  u16* l4_checksum;
  if (key.protocol == kUdp) {
    struct udp* udp = (struct udp*)at;
    if (at + sizeof *udp > end) return XDP_ABORTED;
    key.source_port = udp->source, key.destination_port = udp->destination;
    l4_checksum = &udp->checksum;
    at += sizeof *udp;
  } else if (key.protocol == kTcp) {
    struct tcp* tcp = (struct tcp*)at;
    if (at + sizeof *tcp > end) return XDP_ABORTED;
    if ((tcp->offset >> 4) < 5) return XDP_DROP;
    key.source_port = tcp->source, key.destination_port = tcp->destination;
    l4_checksum = &tcp->checksum;
    at += sizeof *tcp;
  } else {
    return XDP_PASS;
  }
  if (at + kCounterRoom > end) return XDP_ABORTED;
  key.source_port ^= count_up(at);

  copy_address(wanted.address, key.destination);
  wanted.port = key.destination_port, wanted.protocol = key.protocol, wanted.family = key.family;
  struct service* service = LOOKUP(services, hash, &wanted);
  if (!service) return XDP_PASS;
  u32 number = service->number & 255, id = 0;
  if (!find_backend(&key, service->flags, ENV_ARGUMENT &id)) return XDP_DROP;
  struct backend* backend = LOOKUP(backends, array, &id);
  if (!backend) return XDP_DROP;

  if (words == 1) {
    u32 before = *destination, after = backend->address[0];
    *destination = after;
    *ip_checksum = checksum_change(*ip_checksum, before, after);
    *l4_checksum = checksum_change(*l4_checksum, before, after);
  } else {
    u16 sum = *l4_checksum;
#pragma unroll
    for (int i = 0; i < 4; i++) {
      u32 before = destination[i], after = backend->address[i];
      destination[i] = after;
      sum = checksum_change(sum, before, after);
    }
    *l4_checksum = sum;
  }
  u16 *mac = (u16*)data, *to = (u16*)backend->mac;
  mac[3] = mac[0], mac[4] = mac[1], mac[5] = mac[2];
  mac[0] = to[0], mac[1] = to[1], mac[2] = to[2];

  u64* packets = LOOKUP(service_packets, percpu_array, &number);
  u64* bytes = LOOKUP(service_bytes, percpu_array, &number);
  if (packets) *packets += 1;
  if (bytes) *bytes += (u64)(end - data);
  return XDP_TX;
}
#include "perf/engines/progs/entry.bpf.h"
