/* SPDX-License-Identifier: Apache-2.0 */
/* runtime.h — the bodies behind helper calls: one function bpf_<name> per BPF_HELPER row of helpers.def,
 * and one per KFUNC_RUNS row of kfuncs.def.
 *
 * Shape     C11 sources compiled twice: into a static library (interpreter, and what the JIT leaves out of line) and by
 *           clang into runtime.bc, which the JIT links into each program's module so that bodies inline.
 *           Larger bodies (printing, ring buffers, most of those on a sk_buff) are only native: code that calls them
 *           binds to runtime::native_symbol().
 *           A body takes (env, r1 … r5) as integers and returns r0; it ignores arguments that the helper does not have.
 * Threads   runs on the thread that owns `env`; no globals are written.
 * Errors    negative errno in r0, as the helpers of Linux return them.
 * Source    semantics: the helper descriptions in <linux/bpf.h> and the host kernel's behaviour (tests/oracle).
 */
#pragma once

#include "bpf/abi/host/bpf_map.h"
#include "bpf/abi/host/env.h"
#include "bpf/abi/host/sk_buff.h"
#include "bpf/abi/host/xdp_buff.h"
#include "bpf/registry/host.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BPF_HELPER(id, name, ...) \
  uint64_t bpf_##name(struct bpf_env* env, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);
#include "bpf/registry/helpers.def"

#define BPF_HELPER_VARIANT_BODY(id, name, ...) \
  uint64_t bpf_##name(struct bpf_env* env, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);
#include "bpf/registry/helpers.def"

/* BPF_LD_ABS, BPF_LD_IND: r1 sk_buff, r2 offset, r3 bytes (1, 2, 4). The number, or a negative errno. */
uint64_t bpf_packet_load(struct bpf_env* env, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);

#define KFUNC_RUNS(name, set, flags) \
  uint64_t name(struct bpf_env* env, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5);
#include "bpf/registry/kfuncs.def"

/* The head of a body's definition. */
#define BPF_BODY(symbol) \
  uint64_t symbol(struct bpf_env* env, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5)

/* bpf_tail_call's body does not jump: it returns the struct bpf_prog to go on with (the call is then spent), or 0 where
 * the program goes on behind the call. The engine calls that program's run(ctx, env, self) and leaves the current frame
 * with its r0. */

enum {
  BPF_RT_TAIL_CALLS_MAX = 33, /* MAX_TAIL_CALL_CNT */
  BPF_RT_HZ = 250,            /* ticks per second of bpf_jiffies64 and of the coarse clock */
  BPF_RT_XDP_REDIRECT = 4,
};

/* Consumers of ring buffers are woken once per burst: whoever owns `env` flushes behind it, before its quiescent point.
 * Native only. */
void bpf_env_wake(struct bpf_env* env, int fd);
void bpf_env_flush_wakes(struct bpf_env* env);

/* What an entry (hook, burst loop, test_run) does before each run; a tail-called program keeps what it finds. */
static inline __attribute__((unused)) void bpf_env_begin(struct bpf_env* env) {
  env->tail_calls = BPF_RT_TAIL_CALLS_MAX;
  env->redirect = (struct bpf_redirect){0}; /* BPF_REDIRECT_NONE; all of it: a burst loop compares whole ones */
}

#ifdef __cplusplus
} /* extern "C" */
#endif
