/* SPDX-License-Identifier: Apache-2.0 */
/* Packets, bytes, sizes and the last time of each flow; a new flow gets an entry, of the flow seen longest
 * ago if there is none. */
#include "perf/engines/progs/prog.bpf.h"

struct meter {
  u64 packets, bytes, first_ns, last_ns;
  u32 smallest, largest;
};
MAP(meters, LRU_HASH, struct flow, struct meter, 131072, 0)

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  struct flow key;
  int verdict = find_flow(data, end, &key);
  if (verdict) return verdict - 1;
  u32 bytes = (u32)(end - data);
  u64 now = KTIME();
  struct meter* meter = LOOKUP(meters, lru_hash, &key);
  if (!meter) {
    struct meter first = {1, bytes, now, now, bytes, bytes};
    UPDATE(meters, lru_hash, &key, &first);
    return XDP_DROP;
  }
  meter->packets += 1;
  meter->bytes += bytes;
  meter->last_ns = now;
  if (bytes < meter->smallest) meter->smallest = bytes;
  if (bytes > meter->largest) meter->largest = bytes;
  return XDP_DROP;
}
#include "perf/engines/progs/entry.bpf.h"
