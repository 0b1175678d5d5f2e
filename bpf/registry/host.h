/* SPDX-License-Identifier: Apache-2.0 */
/* host.h — what the surroundings of the engine give to helper bodies: the data path a real one, tests a fake one.
 *
 * Threads   called on the thread that runs the program; functions must not block.
 * Source    C11: the runtime bitcode includes it. The JIT may link a function directly instead of through the table.
 */
#pragma once

#include "bpf/abi/host/env.h"
#include "bpf/abi/host/sk_buff.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bpf_host {
  uint64_t (*ktime_get_ns)(struct bpf_env *);                                   /* CLOCK_MONOTONIC */
  uint64_t (*ktime_get_boot_ns)(struct bpf_env *);                              /* CLOCK_BOOTTIME */
  uint64_t (*ktime_get_tai_ns)(struct bpf_env *);                               /* CLOCK_TAI */
  /* The longest packet that a device sends, without its link header; -ENODEV. NULL: no device is known. */
  int64_t (*find_mtu)(struct bpf_env *, uint32_t ifindex);
  /* A copy of the packet goes to a device. 0 or a negative errno. NULL: no device is known. */
  int (*clone_redirect)(struct bpf_env *, struct sk_buff *, uint32_t ifindex, uint32_t flags);
  void (*trace_printk)(struct bpf_env *, const char *line, uint32_t size);      /* bounded queue; may drop */
};

#ifdef __cplusplus
} /* extern "C" */
#endif
