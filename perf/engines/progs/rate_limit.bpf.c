/* SPDX-License-Identifier: Apache-2.0 */
/* A token bucket per flow: tokens come with time, a packet costs one. The rate is so high that all pass. */
#include "perf/engines/progs/prog.bpf.h"

struct bucket {
  u64 tokens, last_ns;
};
MAP(buckets, HASH, struct flow, struct bucket, 131072, 0)

enum { kTokensMax = 1000000, kCost = 1 };

PROGRAM(ctx) {
  struct flow key;
  int verdict = find_flow(DATA(ctx), DATA_END(ctx), &key);
  if (verdict) return verdict - 1;
  struct bucket* bucket = LOOKUP(buckets, hash, &key);
  if (!bucket) return XDP_PASS;
  u64 now = KTIME(), tokens = bucket->tokens;
  if (now > bucket->last_ns) {
    tokens += now - bucket->last_ns;
    if (tokens > kTokensMax) tokens = kTokensMax;
    bucket->last_ns = now;
  }
  if (tokens < kCost) {
    bucket->tokens = tokens;
    return XDP_DROP;
  }
  bucket->tokens = tokens - kCost;
  return XDP_TX;
}
#include "perf/engines/progs/entry.bpf.h"
