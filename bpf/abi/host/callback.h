/* SPDX-License-Identifier: Apache-2.0 */
/* callback.h — a function of a program as a helper's body gets it: bpf_loop's, bpf_for_each_map_elem's.
 *
 * Shape     a register that holds a callback holds the address of one of these. Native code's is a constant of the
 *           program's module, so that call, thunk and function inline into the helper's body; the interpreter's knows
 *           its image.
 * Threads   immutable; called on the thread that runs the program.
 * Lifetime  the program's.
 */
#pragma once

#include <stdint.h>

struct bpf_env;

struct bpf_callback {
  uint64_t (*call)(const struct bpf_callback *self, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5,
                   struct bpf_env *env);
};
