/* SPDX-License-Identifier: Apache-2.0 */
/* A parser of everything: VLANs, IPv4, IPv6 with extension headers, UDP, TCP, GRE, VXLAN and what is inside, and a
 * count for what was found. */
#include "perf/engines/progs/prog.bpf.h"
#include "perf/engines/progs/headers.bpf.h"

MAP(found, PERCPU_ARRAY, u32, u64, 64, 0)

enum { kExtensionsMax = 6, kVlansMax = 2, kFoundVlan = 1, kFoundIpv6 = 2, kFoundTunnel = 4, kFoundInnerIpv6 = 8 };

struct cursor {
  u8 *at, *end;
};
#define TAKE(cursor, type, name)                                      \
  type* name = (type*)(cursor)->at;                                   \
  if ((cursor)->at + sizeof(type) > (cursor)->end) return XDP_ABORTED; \
  (cursor)->at += sizeof(type)

PROGRAM(ctx) {
  struct cursor here = {DATA(ctx), DATA_END(ctx)};
  struct cursor* c = &here;
  u32 what = 0;
  TAKE(c, struct ethernet, ethernet);
  u16 protocol = ethernet->protocol;
#pragma unroll
  for (int i = 0; i < kVlansMax; i++) {
    if (protocol != kVlan && protocol != kServiceVlan) break;
    TAKE(c, struct vlan, vlan);
    protocol = vlan->protocol;
    what |= kFoundVlan;
  }
  u8 next;
  if (protocol == kIpv6) {
    TAKE(c, struct ipv6, ip);
    next = ip->next;
    what |= kFoundIpv6;
#pragma unroll
    for (int i = 0; i < kExtensionsMax; i++) {
      if (next != kHopByHop && next != kRouting && next != kDestinationOptions && next != kFragment) break;
      TAKE(c, struct extension, extension);
      u32 more = next == kFragment ? 0 : (u32)extension->length * 8;
      if (more > 64) return XDP_DROP;
      next = extension->next;
      c->at += more;
    }
  } else if (protocol == kIpv4) {
    TAKE(c, struct ipv4, ip);
    u32 words = ip->version_length & 15;
    if (words < 5) return XDP_DROP;
    next = ip->protocol;
    c->at += (words - 5) * 4;
  } else {
    return XDP_PASS;
  }
  u16 inner = 0;
  if (next == kUdp) {
    TAKE(c, struct udp, udp);
    if (udp->destination == kVxlanPort) {
      TAKE(c, struct vxlan, vxlan);
      if (!(vxlan->flags & 8)) return XDP_DROP;
      TAKE(c, struct ethernet, within);
      inner = within->protocol;
    }
  } else if (next == kGre) {
    TAKE(c, struct gre, gre);
    if (gre->flags & 0x00b0) c->at += 4; /* checksum, key or sequence: one of them */
    inner = gre->protocol;
  } else if (next == kTcp) {
    TAKE(c, struct tcp, tcp);
    if ((tcp->offset >> 4) < 5) return XDP_DROP;
  } else {
    return XDP_PASS;
  }
  u32 hash = 0;
  if (inner == kIpv4) {
    TAKE(c, struct ipv4, ip);
    TAKE(c, struct udp, udp);
    what |= kFoundTunnel;
    hash = final3(ip->source, ip->destination, (u32)udp->source << 16 | udp->destination);
  } else if (inner == kIpv6) {
    TAKE(c, struct ipv6, ip);
    TAKE(c, struct udp, udp);
    what |= kFoundTunnel | kFoundInnerIpv6;
    hash = final3(ip->source[3], ip->destination[3], (u32)udp->source << 16 | udp->destination);
  }
  u32 slot = what | (hash & 3) << 4;
  u64* count = LOOKUP(found, percpu_array, &slot);
  if (count) *count += 1;
  return what & kFoundTunnel ? XDP_DROP : XDP_PASS;
}
#include "perf/engines/progs/entry.bpf.h"
