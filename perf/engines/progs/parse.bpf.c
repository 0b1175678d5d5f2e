/* SPDX-License-Identifier: Apache-2.0 */
/* Ethernet, IPv4 with options, UDP: drops the discard port. */
#include "perf/engines/progs/prog.bpf.h"

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 14 > end) return XDP_ABORTED;
  if (((struct ethernet *)data)->protocol != kIpv4) return XDP_PASS;
  struct ipv4 *ip = (struct ipv4 *)(data + 14);
  if ((u8 *)(ip + 1) > end) return XDP_ABORTED;
  if (ip->protocol != kUdp) return XDP_PASS;
  u32 header = (ip->version_length & 15) * 4;
  if (header < 20) return XDP_ABORTED;
  struct udp *udp = (struct udp *)(data + 14 + header);
  if ((u8 *)(udp + 1) > end) return XDP_ABORTED;
  return udp->destination == 0x0900 ? XDP_DROP : XDP_PASS;
}
#include "perf/engines/progs/entry.bpf.h"
