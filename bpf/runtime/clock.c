/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c — time, the tick, random numbers, and where a program runs. */
#include "bpf/runtime/runtime.h"

enum { kTickNs = 1000000000 / BPF_RT_HZ };

BPF_BODY(bpf_ktime_get_ns) {
  return env->host->ktime_get_ns(env);
}

BPF_BODY(bpf_ktime_get_boot_ns) {
  return env->host->ktime_get_boot_ns(env);
}

BPF_BODY(bpf_ktime_get_tai_ns) {
  return env->host->ktime_get_tai_ns(env);
}

/* The monotonic clock at the last tick: never ahead of bpf_ktime_get_ns. */
BPF_BODY(bpf_ktime_get_coarse_ns) {
  uint64_t now = env->host->ktime_get_ns(env);
  return now - now % kTickNs;
}

/* Ticks; only differences mean anything to a program. */
BPF_BODY(bpf_jiffies64) {
  return env->host->ktime_get_ns(env) / kTickNs;
}

/* splitmix64 (Steele, Lea, Flood 2014): any state is a good one, so a zeroed env still works. */
BPF_BODY(bpf_get_prandom_u32) {
  uint64_t z = env->prandom_state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ (z >> 31)) >> 32);
}

BPF_BODY(bpf_get_smp_processor_id) {
  return env->cpu;
}

BPF_BODY(bpf_get_numa_node_id) {
  return env->numa_node;
}
