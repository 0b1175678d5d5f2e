/* SPDX-License-Identifier: Apache-2.0 */
#include "perf/engines/progs/prog.bpf.h"

MAP(recent, LRU_HASH, struct flow, u64, 131072, 0)

PROGRAM(ctx) {
  struct flow key;
  int verdict = find_flow(DATA(ctx), DATA_END(ctx), &key);
  if (verdict) return verdict - 1;
  u64 value = key.source_port;
  UPDATE(recent, lru_hash, &key, &value);
  return XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
