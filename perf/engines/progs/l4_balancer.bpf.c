/* SPDX-License-Identifier: Apache-2.0 */
/* A flow's hash picks a server from a ring; destination address, checksums and MAC addresses are rewritten. */
#include "perf/engines/progs/prog.bpf.h"

struct server {
  u32 address;
  u8 mac[6];
  u16 pad;
  u32 unused;
};
MAP(ring, ARRAY, u32, u32, 65536, 0)
MAP(servers, ARRAY, u32, struct server, 256, 0)

static inline __attribute__((always_inline)) u32 rotate(u32 v, int n) { return v << n | v >> (32 - n); }

/* Three words into one; the mixing steps of Bob Jenkins's lookup3. */
static inline __attribute__((always_inline)) u32 mix(u32 a, u32 b, u32 c) {
  c ^= b, c -= rotate(b, 14);
  a ^= c, a -= rotate(c, 11);
  b ^= a, b -= rotate(a, 25);
  c ^= b, c -= rotate(b, 16);
  a ^= c, a -= rotate(c, 4);
  b ^= a, b -= rotate(a, 14);
  c ^= b, c -= rotate(b, 24);
  return c;
}

/* RFC 1624, equation 3. */
static inline __attribute__((always_inline)) u16 update_checksum(u16 checksum, u32 before, u32 after) {
  u64 sum = (u16)~checksum;
  sum += (u64)(u32)~before + after;
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

PROGRAM(ctx) {
  u8 *data = DATA(ctx);
  struct flow key;
  int verdict = find_flow(data, DATA_END(ctx), &key);
  if (verdict) return verdict - 1;
  const u32 seed = 0xdeadbeef + 12 + key.protocol;
  const u32 ports = (u32)key.source_port << 16 | key.destination_port;
  u32 slot = mix(key.source + seed, key.destination + seed, ports + seed) & 65535;
  u32 *id = LOOKUP(ring, array, &slot);
  if (!id) return XDP_DROP;
  u32 index = *id;
  struct server *server = LOOKUP(servers, array, &index);
  if (!server) return XDP_DROP;
  struct ipv4 *ip = (struct ipv4 *)(data + 14);
  struct udp *udp = (struct udp *)(ip + 1);
  u32 before = ip->destination, after = server->address;
  ip->destination = after;
  ip->checksum = update_checksum(ip->checksum, before, after);
  udp->checksum = update_checksum(udp->checksum, before, after);
  u16 *mac = (u16 *)data, *to = (u16 *)server->mac;
  mac[3] = mac[0], mac[4] = mac[1], mac[5] = mac[2];
  mac[0] = to[0], mac[1] = to[1], mac[2] = to[2];
  return XDP_TX;
}
#include "perf/engines/progs/entry.bpf.h"
