/* SPDX-License-Identifier: Apache-2.0 */
/* kfunc.c — kernel functions that programs may run here: one function per KFUNC_RUNS row of kfuncs.def.
 *
 * Shape     as helper bodies: (env, r1 … r5) -> r0.
 * Source    Documentation/bpf/bpf_iterators and kfuncs; the running kernel for errno and limits (tests/oracle).
 */
#include <errno.h>
#include <stddef.h>

#include "bpf/runtime/runtime.h"

enum { NUMBERS_MAX = 8 << 20 }; /* BPF_MAX_LOOPS */

/* struct bpf_iter_num, as it lies on the program's stack. */
struct num_iterator {
  int32_t number; /* the program gets this word's address */
  uint32_t left;
};

#define NUM_ITERATOR(r) ((struct num_iterator*)(uintptr_t)(r))

/* Numbers from r2 to below r3; an iterator that could not be made has none. */
BPF_BODY(bpf_iter_num_new) {
  struct num_iterator* it = NUM_ITERATOR(r1);
  const int64_t count = (int64_t)(int32_t)r3 - (int32_t)r2;
  it->number = (int32_t)((uint32_t)r2 - 1);
  it->left = count > 0 && count <= NUMBERS_MAX ? (uint32_t)count : 0;
  return count < 0 ? (uint64_t)-EINVAL : count > NUMBERS_MAX ? (uint64_t)-E2BIG : 0;
}

BPF_BODY(bpf_iter_num_next) {
  struct num_iterator* it = NUM_ITERATOR(r1);
  if (it->left == 0) return 0;
  it->left--;
  it->number = (int32_t)((uint32_t)it->number + 1);
  return (uintptr_t)&it->number;
}

BPF_BODY(bpf_iter_num_destroy) {
  NUM_ITERATOR(r1)->left = 0;
  return 0;
}

BPF_BODY(bpf_map_sum_elem_count) {
  const struct bpf_map* map = (const struct bpf_map*)(uintptr_t)r1;
  return map->runtime->count(map);
}

/* A program is a reader from its first instruction to its last, and nothing takes its CPU for another one. */
BPF_BODY(bpf_rcu_read_lock) { return 0; }
BPF_BODY(bpf_rcu_read_unlock) { return 0; }
BPF_BODY(bpf_preempt_disable) { return 0; }
BPF_BODY(bpf_preempt_enable) { return 0; }
