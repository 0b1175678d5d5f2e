/* SPDX-License-Identifier: Apache-2.0 */
/* Eight tail calls: each stage, the same program in another slot, mixes some of the packet into a sum that travels in
 * it, and the last one decides. */
#include "perf/engines/progs/prog.bpf.h"

MAP(stages, PROG_ARRAY, u32, u32, 8, 0)

enum { kStages = 8, kStageAt = 60, kSumAt = 52 };

PROGRAM(ctx) {
  u8 *data = DATA(ctx), *end = DATA_END(ctx);
  if (data + 64 > end) return XDP_ABORTED;
  u32* stage = (u32*)(data + kStageAt);
  u64* sum = (u64*)(data + kSumAt);
  u32 now = *stage;
  if (now >= kStages) {
    *stage = 0;
    return XDP_TX;
  }
  u32* word = (u32*)(data + 14 + (now & 7) * 4);
  if ((u8*)(word + 1) > end) return XDP_ABORTED;
  *sum = (*sum ^ *word) * 0x9e3779b97f4a7c15ull;
  *stage = now + 1;
  TAIL_CALL(ctx, stages, now);
  return XDP_DROP;
}
#define MAY (XDP_BURST_REDIRECTS | XDP_BURST_MOVES)
#include "perf/engines/progs/entry.bpf.h"
