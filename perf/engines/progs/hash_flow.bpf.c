/* SPDX-License-Identifier: Apache-2.0 */
#include "perf/engines/progs/prog.bpf.h"

MAP(flows, HASH, struct flow, u64, 131072, 0)

PROGRAM(ctx) {
  struct flow key;
  int verdict = find_flow(DATA(ctx), DATA_END(ctx), &key);
  if (verdict) return verdict - 1;
  u64 *packets = LOOKUP(flows, hash, &key);
  if (!packets) return XDP_PASS;
  *packets += 1;
  return XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
