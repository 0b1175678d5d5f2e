/* SPDX-License-Identifier: Apache-2.0 */
/* callback.c — helpers that call back into their program. */
#include "bpf/abi/host/callback.h"

#include <errno.h>

#include "bpf/runtime/runtime.h"

enum { LOOPS_MAX = 8 << 20 }; /* BPF_MAX_LOOPS */

#define CALLBACK(r) ((const struct bpf_callback*)(uintptr_t)(r))

/* The number of turns, the one that ended the loop among them. Too many: Linux compiles a loop whose flags are known to
 * be 0 into the program, and what it puts there sets the lower half of r0 only. */
BPF_BODY(bpf_loop) {
  const struct bpf_callback* turn = CALLBACK(r2);
  const uint32_t turns = (uint32_t)r1;
  if (r4) return (uint64_t)-EINVAL;
  if (turns > LOOPS_MAX) return (uint32_t)-E2BIG;
  for (uint32_t i = 0; i < turns; i++)
    if (turn->call(turn, i, r3, 0, 0, 0, env)) return i + 1;
  return turns;
}

BPF_BODY(bpf_for_each_map_elem) {
  struct bpf_map* map = (struct bpf_map*)(uintptr_t)r1;
  return (uint64_t)map->runtime->each(env, map, map->shape, CALLBACK(r2), r3, r4);
}
