/* SPDX-License-Identifier: Apache-2.0 */
#include "perf/engines/progs/prog.bpf.h"

struct prefix {
  u32 length, address;
};
MAP(routes, LPM_TRIE, struct prefix, u32, 65536, 1)

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 64 > end) return XDP_ABORTED;
  if (((struct ethernet *)data)->protocol != kIpv4) return XDP_PASS;
  struct ipv4 *ip = (struct ipv4 *)(data + 14);
  struct prefix key = {32, ip->destination ^ (next_flow(data) * 0x9e3779b1u)};
  u32 *route = LOOKUP(routes, lpm_trie, &key);
  if (!route) return XDP_PASS;
  return *route ? XDP_DROP : XDP_PASS;
}
#include "perf/engines/progs/entry.bpf.h"
