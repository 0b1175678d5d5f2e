/* SPDX-License-Identifier: Apache-2.0 */
/* burst.h — the loop around a program: `count` XDP contexts that lie behind each other, one verdict each.
 *
 * Shape     xdp_burst() is the loop, for any run function; burst.c makes two forms of it over the extern `sluice_prog`,
 *           which the JIT defines in the same module and inlines:
 *             sluice_burst_xdp           for a program without LoweredProgram::uses_redirect and without tail calls
 *             sluice_burst_xdp_redirect  for one with either: makes env ready before each run, copies env->redirect
 *                                        into contexts with verdict XDP_REDIRECT
 *           The JIT keeps the one it needs and renames it `sluice_burst`. Whoever fills the contexts has asked for the
 *           packets' first lines by then; the loop does not ask again.
 * Threads   the thread that owns `env`.
 * Cost      per packet: a store and a compare of the verdict; with redirects four stores more.
 */
#pragma once

#include "bpf/runtime/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BPF_RT_INLINE static inline __attribute__((always_inline, unused))

/* The program has just stored these four words one by one: a load of more than one would wait until the stores have
 * left for the cache. volatile keeps the loads single. Stored in pairs, because the hook compares pairs soon after. */
BPF_RT_INLINE uint64_t xdp_redirect_pair(const volatile uint32_t* low, const volatile uint32_t* high) {
  return *low | (uint64_t)*high << 32;
}

BPF_RT_INLINE void xdp_copy_redirect(struct bpf_redirect* to, const struct bpf_redirect* from) {
  const uint64_t head = xdp_redirect_pair(&from->kind, &from->target);
  const uint64_t tail = xdp_redirect_pair(&from->map_id, &from->flags);
  __builtin_memcpy(&to->kind, &head, 8);
  __builtin_memcpy(&to->map_id, &tail, 8);
}

BPF_RT_INLINE void xdp_burst(struct xdp_buff* ctx, uint32_t count, uint32_t* verdicts, struct bpf_env* env,
                             const struct bpf_prog* self, bpf_run_fn run, int may_redirect) {
  for (uint32_t i = 0; i < count; ++i) {
    if (may_redirect) bpf_env_begin(env); /* nothing reads it otherwise */
    uint32_t verdict = (uint32_t)run(&ctx[i], env, self);
    if (verdict == BPF_RT_XDP_REDIRECT) {
      if (may_redirect)
        xdp_copy_redirect(&ctx[i].redirect, &env->redirect);
      else
        ctx[i].redirect.kind = BPF_REDIRECT_NONE;
    }
    verdicts[i] = verdict;
  }
}

/* The program, made by the JIT. */
uint64_t sluice_prog(void* ctx, struct bpf_env* env, const struct bpf_prog* self);

void sluice_burst_xdp(void* ctxs, uint32_t count, uint32_t* verdicts, struct bpf_env* env, const struct bpf_prog* self);
void sluice_burst_xdp_redirect(void* ctxs, uint32_t count, uint32_t* verdicts, struct bpf_env* env,
                               const struct bpf_prog* self);

#ifdef __cplusplus
} /* extern "C" */
#endif
