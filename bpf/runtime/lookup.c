/* SPDX-License-Identifier: Apache-2.0 */
/* lookup.c — helpers of programs that choose an endpoint, and of those that take a packet apart.
 *
 * Errors    as Linux: EINVAL unknown flags; EEXIST another endpoint is chosen; EPROTOTYPE one of another protocol;
 *           EAFNOSUPPORT one of another family.
 */
#include "bpf/abi/host/bpf_sk_lookup.h"

#include <errno.h>
#include <string.h>

#include "bpf/runtime/runtime.h"

enum { kReplace = 1, kNoReuseport = 2 };

BPF_BODY(bpf_sk_lookup_assign) {
  struct bpf_sk_lookup_kern* lookup = (struct bpf_sk_lookup_kern*)(uintptr_t)r1;
  struct sock* sk = (struct sock*)(uintptr_t)r2;
  if (r3 & ~(uint64_t)(kReplace | kNoReuseport)) return (uint64_t)-EINVAL;
  if (sk && sk->protocol != lookup->protocol) return (uint64_t)-EPROTOTYPE;
  if (sk && sk->family != lookup->family) return (uint64_t)-EAFNOSUPPORT;
  if (lookup->sk && !(r3 & kReplace)) return (uint64_t)-EEXIST;
  lookup->sk = sk;
  lookup->no_reuseport = (r3 & kNoReuseport) != 0;
  return 0;
}

/* The packet's bytes are all between data and data_end; beyond them, in a test run, Linux has none. */
BPF_BODY(bpf_flow_load_bytes) {
  memset((void*)(uintptr_t)r3, 0, (uint32_t)r4);
  return (uint64_t)-EFAULT;
}
