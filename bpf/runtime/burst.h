/* SPDX-License-Identifier: Apache-2.0 */
/* burst.h — the loop around a program: one XDP context and one verdict per packet.
 *
 * Shape     xdp_burst() is the loop, for any run function; burst.c makes its forms over the extern `sluice_prog`, which
 *           the JIT defines in the same module and inlines. The JIT keeps the form a program needs (burst_form()) and
 *           renames it `sluice_burst`. Once all is inlined, context and environment of a run are registers.
 *           Whoever collects the packets has asked for their first lines by then; the loop does not ask again.
 * Threads   the thread that owns `env`.
 * Cost      per packet: four loads of the buffer's head, a store of the verdict; with redirects two stores more, with
 *           borders three.
 */
#pragma once

#include "bpf/abi/host/xdp_burst.h"
#include "bpf/runtime/runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BPF_RT_INLINE static inline __attribute__((always_inline, unused))

/* What a program may do beside giving a verdict, and the loop must be ready for. */
enum { XDP_BURST_REDIRECTS = 1, XDP_BURST_MOVES = 2 };

BPF_RT_INLINE struct xdp_buff xdp_buff_of(const struct xdp_burst* burst, const struct bpf_frame* frame) {
  char* data = frame->buf_addr + frame->data_off;
  struct xdp_buff buff;
  buff.data = data;
  buff.data_end = data + frame->pkt_len;
  buff.data_meta = data;
  buff.data_hard_start = frame->buf_addr - burst->headroom;
  buff.frame_sz = frame->buf_len + burst->headroom;
  buff.ingress_ifindex = burst->ingress_ifindex;
  buff.rx_queue_index = burst->rx_queue_index;
  buff.egress_ifindex = 0;
  return buff;
}

/* All of a run's environment that outlives it. */
BPF_RT_INLINE void bpf_env_keep(struct bpf_env* env, const struct bpf_env* own) {
  env->prandom_state = own->prandom_state;
  env->wake_count = own->wake_count;
  __builtin_memcpy(env->wake_fds, own->wake_fds, sizeof own->wake_fds);
}

BPF_RT_INLINE void xdp_burst(struct xdp_burst* burst, struct bpf_env* env, const struct bpf_prog* self, bpf_run_fn run,
                             int may) {
  /* Copies that nobody else has: only then can they, and what a program writes into its environment, stay in registers
   * beside the stores of verdicts. */
  const struct xdp_burst given = *burst;
  struct bpf_env own;
  struct bpf_env* env_of_run = env;
  if (may & XDP_BURST_REDIRECTS) {
    own = *env;
    env_of_run = &own;
  }
  /* What differs is found by comparing with the first packet's result where it lies in memory: that takes no register,
   * and the loop is short of them. */
  const struct bpf_redirect* const first = given.redirects;
  uint64_t redirects_differ = 0;
  uint32_t verdicts_differ = 0, segmented = 0, bytes = 0, longest = 0;
  for (uint32_t i = 0; i < given.count; ++i) {
    const struct bpf_frame* frame = given.frames[i];
    bytes += frame->pkt_len;
    if (__builtin_expect(frame->nb_segs != 1, 0)) {
      given.verdicts[i] = 0;
      verdicts_differ = 1;
      ++segmented;
      continue;
    }
    longest = frame->pkt_len > longest ? frame->pkt_len : longest;
    struct xdp_buff buff = xdp_buff_of(&given, frame);
    if (may & XDP_BURST_REDIRECTS) bpf_env_begin(&own); /* nothing reads it otherwise */
    const uint32_t verdict = (uint32_t)run(&buff, env_of_run, self);
    given.verdicts[i] = verdict;
    verdicts_differ |= verdict ^ given.verdicts[0];
    if (may & XDP_BURST_REDIRECTS) {
      uint64_t now[2], then[2];
      __builtin_memcpy(now, &own.redirect, sizeof now);
      given.redirects[i] = own.redirect;
      __builtin_memcpy(then, first, sizeof then);
      redirects_differ |= (now[0] ^ then[0]) | (now[1] ^ then[1]);
    } else if (verdict == BPF_RT_XDP_REDIRECT) {
      given.redirects[i].kind = BPF_REDIRECT_NONE;
    }
    if (may & XDP_BURST_MOVES) {
      given.borders[i].data_meta = (char*)buff.data_meta;
      given.borders[i].data = (char*)buff.data;
      given.borders[i].data_end = (char*)buff.data_end;
    }
  }
  if (may & XDP_BURST_REDIRECTS) bpf_env_keep(env, &own);
  burst->segmented = segmented;
  burst->bytes = bytes;
  burst->longest = longest;
  burst->borders_moved = (may & XDP_BURST_MOVES) != 0;
  burst->verdicts_differ = verdicts_differ;
  burst->redirects_differ = may & XDP_BURST_REDIRECTS ? redirects_differ : 1;
}

/* The program, made by the JIT. */
uint64_t sluice_prog(void* ctx, struct bpf_env* env, const struct bpf_prog* self);

/* sluice_burst_xdp_<may>: the loop over sluice_prog. */
#define XDP_BURST_FORM(may) \
  void sluice_burst_xdp_##may(struct xdp_burst* burst, struct bpf_env* env, const struct bpf_prog* self)
XDP_BURST_FORM(0);
XDP_BURST_FORM(1);
XDP_BURST_FORM(2);
XDP_BURST_FORM(3);

#ifdef __cplusplus
} /* extern "C" */
#endif
