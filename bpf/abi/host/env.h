/* SPDX-License-Identifier: Apache-2.0 */
/* env.h — what a running program stands on: the second argument of every compiled program and helper body.
 *
 * Shape     one struct per BPF CPU (worker, or the token holder in control context), reused for every run.
 * Threads   owned by the thread that holds the CPU token; nobody else reads or writes it while a program runs.
 * Source    C11, included by C++, by the runtime bitcode and by the host-type BTF.
 */
#pragma once

#ifdef __cplusplus
#include <cstdint>
extern "C" {
#else
#include <stdint.h>
#endif

struct bpf_map;
struct bpf_prog;
struct xdp_burst;

/* Where a packet with verdict XDP_REDIRECT goes. Written by bpf_redirect() and bpf_redirect_map(). */
enum bpf_redirect_kind {
  BPF_REDIRECT_NONE,
  BPF_REDIRECT_IFINDEX,
  BPF_REDIRECT_MAP, /* a device, by a map */
  BPF_REDIRECT_CPU, /* another worker, by a cpumap */
  BPF_REDIRECT_XSK, /* a user-space consumer, by an xskmap */
  BPF_REDIRECT_NEIGHBOUR, /* a device, the link addresses by the neighbour table */
  BPF_REDIRECT_PEER,      /* the other end of a device, in its namespace */
};
struct bpf_redirect {
  uint32_t kind;    /* enum bpf_redirect_kind */
  uint32_t target;  /* ifindex, CPU, or the id that the map element holds */
  uint32_t map_id;  /* the map, if there is one, else 0 */
  uint32_t flags;   /* BPF_F_BROADCAST, BPF_F_EXCLUDE_INGRESS; BPF_F_INGRESS */
};

struct bpf_host; /* functions of the data path behind helpers; see bpf/registry/host.h */

enum { BPF_WAKES_MAX = 8 };

struct bpf_env {
  uint32_t cpu;         /* BPF CPU number = number of the CPU the thread is pinned to */
  uint32_t tail_calls;  /* left in this run; the entry of a run sets MAX_TAIL_CALL_CNT */
  struct bpf_redirect redirect;
  uint64_t prandom_state;
  const struct bpf_host *host;
  void *host_ctx;
  uint32_t numa_node;   /* of `cpu` */
  /* Consumers to be woken at the end of the burst: eventfds, each once. */
  uint32_t wake_count;
  int32_t wake_fds[BPF_WAKES_MAX];
};

/* Entry points of a loaded program. `self` lets the interpreter find its program; native code ignores it.
 * run    one context, r0 comes back whole (hooks use its low 32 bits).
 * burst  many packets at once, see xdp_burst.h. NULL where the type has no burst form. */
typedef uint64_t (*bpf_run_fn)(void *ctx, struct bpf_env *env, const struct bpf_prog *self);
typedef void (*bpf_burst_fn)(struct xdp_burst *burst, struct bpf_env *env, const struct bpf_prog *self);

/* The part of a program that running code sees; prog_array slots and hooks hold its address. `run` and `burst` are
 * replaced, each with one store, when a better compilation of the same program is ready: load them as below, once per
 * use. What was loaded stays good until the next quiescent point. */
struct bpf_prog {
  bpf_run_fn run;
  bpf_burst_fn burst;
  uint32_t id;
  uint32_t type;
  void *engine; /* the interpreter's image; NULL for native code */
};

static inline __attribute__((unused)) bpf_run_fn bpf_prog_run(const struct bpf_prog *prog) {
  return __atomic_load_n(&prog->run, __ATOMIC_ACQUIRE);
}
static inline __attribute__((unused)) bpf_burst_fn bpf_prog_burst(const struct bpf_prog *prog) {
  return __atomic_load_n(&prog->burst, __ATOMIC_ACQUIRE);
}

#ifdef __cplusplus
} /* extern "C" */
#endif
