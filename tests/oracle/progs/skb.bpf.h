// SPDX-License-Identifier: Apache-2.0
// skb.bpf.h — for programs that skb_oracle drives: the context's mark, priority and cb[] are random numbers to work by,
// cb[] carries answers back; what else a run answers goes into
// sums in a map.
#pragma once

#include "common.bpf.h"

enum { kPlaces = 128 };
DEFINE_MAP(sums, BPF_MAP_TYPE_ARRAY, __u32, __u64, kPlaces);

// Every place where a number is noted has a sum, which every number changes.
static inline void note_at(__u32 place, __u64 value) {
  __u64 *sum = bpf_map_lookup_elem(&sums, &place);
  if (sum) *sum = (*sum ^ value) * 1099511628211ull + 1;
}
#define note(value) note_at(__COUNTER__ % kPlaces, value)
