/* SPDX-License-Identifier: Apache-2.0 */
/* Only in runtime.bc: `sluice_prog` exists only inside a compiled program's module. */
#include "bpf/runtime/burst.h"

void sluice_burst_xdp(void* ctxs, uint32_t count, uint32_t* verdicts, struct bpf_env* env,
                      const struct bpf_prog* self) {
  xdp_burst(ctxs, count, verdicts, env, self, sluice_prog, 0);
}

void sluice_burst_xdp_redirect(void* ctxs, uint32_t count, uint32_t* verdicts, struct bpf_env* env,
                               const struct bpf_prog* self) {
  xdp_burst(ctxs, count, verdicts, env, self, sluice_prog, 1);
}
