/* SPDX-License-Identifier: Apache-2.0 */
#include "perf/engines/progs/prog.bpf.h"

MAP(counters, PERCPU_ARRAY, u32, u64, 256, 0)

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 34 > end) return XDP_ABORTED;
  u32 key = ((struct ipv4 *)(data + 14))->protocol;
  u64 *value = LOOKUP(counters, percpu_array, &key);
  if (value) *value += 1;
  return XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
