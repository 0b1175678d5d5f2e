/* SPDX-License-Identifier: Apache-2.0 */
/* Source NAT: a flow's binding gives the outer address and port; both checksums follow; the binding counts. */
#include "perf/engines/progs/prog.bpf.h"
#include "perf/engines/progs/headers.bpf.h"

struct binding {
  u32 address;
  u16 port, flags;
  u64 packets;
};
struct outer {
  u8 own[6], gateway[6];
  u32 unused;
};
MAP(bindings, HASH, struct flow, struct binding, 131072, 0)
MAP(uplinks, HASH, u32, struct outer, 64, 0)

PROGRAM(ctx) {
  u8* data = DATA(ctx);
  if (data + 64 > DATA_END(ctx)) return XDP_ABORTED;
  put_back((struct ipv4*)(data + 14));
  ((struct udp*)(data + 34))->source = kInnerPort;
  struct flow key;
  int verdict = find_flow(data, DATA_END(ctx), &key);
  if (verdict) return verdict - 1;
  struct ipv4* ip = (struct ipv4*)(data + 14);
  struct udp* udp = (struct udp*)(ip + 1);
  if (ip->ttl <= 1 || (ip->fragment & kFragmented)) return XDP_PASS;
  struct binding* binding = LOOKUP(bindings, hash, &key);
  if (!binding) return XDP_PASS;
  u32 address = binding->address;
  u16 port = binding->port;
  binding->packets += 1;
  struct outer* outer = LOOKUP(uplinks, hash, &address);
  if (!outer) return XDP_DROP;
  u32 before = ip->source;
  ip->source = address;
  /* Time to live and protocol share a word of the sum. */
  u16 life = (u16)(ip->ttl | ip->protocol << 8);
  ip->ttl -= 1;
  u16 sum = checksum_change(ip->checksum, before, address);
  ip->checksum = checksum_change(sum, life, (u16)(ip->ttl | ip->protocol << 8));
  u16 port_before = udp->source;
  udp->source = port;
  if (udp->checksum) {
    sum = checksum_change(udp->checksum, before, address);
    sum = checksum_change(sum, port_before, port);
    udp->checksum = sum ? sum : 0xffff;
  }
  u16 *mac = (u16*)data, *own = (u16*)outer->own, *gateway = (u16*)outer->gateway;
  mac[0] = gateway[0], mac[1] = gateway[1], mac[2] = gateway[2];
  mac[3] = own[0], mac[4] = own[1], mac[5] = own[2];
  return XDP_TX;
}
#include "perf/engines/progs/entry.bpf.h"
