/* SPDX-License-Identifier: Apache-2.0 */
/* An access list: the source's zone and the destination's by longest prefix, then the rule of that pair of zones and
 * that service by hash, with a default for the pair. */
#include "perf/engines/progs/prog.bpf.h"

struct prefix {
  u32 bits, address;
};
struct rule_key {
  u16 from, to;
  u16 port;
  u8 protocol, pad;
};
struct rule {
  u32 action, hits;
};
MAP(zones, LPM_TRIE, struct prefix, u32, 65536, 1)
MAP(rules, HASH, struct rule_key, struct rule, 4096, 0)

PROGRAM(ctx) {
  struct flow flow;
  int verdict = find_flow(DATA(ctx), DATA_END(ctx), &flow);
  if (verdict) return verdict - 1;
  /* The walk through the flows is a walk through the addresses of the source. */
  struct prefix source = {32, flow.source ^ (u32)flow.source_port << 16};
  struct prefix destination = {32, flow.destination};
  u32* from = LOOKUP(zones, lpm_trie, &source);
  u32* to = LOOKUP(zones, lpm_trie, &destination);
  if (!from || !to) return XDP_PASS;
  struct rule_key key = {(u16)*from, (u16)*to, flow.destination_port, flow.protocol, 0};
  struct rule* rule = LOOKUP(rules, hash, &key);
  if (!rule) {
    key.port = 0;
    key.protocol = 0;
    rule = LOOKUP(rules, hash, &key);
    if (!rule) return XDP_PASS;
  }
  __sync_fetch_and_add(&rule->hits, 1);
  return rule->action ? XDP_TX : XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
