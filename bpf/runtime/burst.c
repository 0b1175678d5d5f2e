/* SPDX-License-Identifier: Apache-2.0 */
/* Only in runtime.bc: `sluice_prog` exists only inside a compiled program's module. */
#include "bpf/runtime/burst.h"

#define DEFINE_FORM(may) \
  XDP_BURST_FORM(may) { xdp_burst(burst, env, self, sluice_prog, may); }

DEFINE_FORM(0)
DEFINE_FORM(1)
DEFINE_FORM(2)
DEFINE_FORM(3)
