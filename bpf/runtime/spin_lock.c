/* SPDX-License-Identifier: Apache-2.0 */
/* spin_lock.c — bpf_spin_lock and bpf_spin_unlock; native only, see bpf/abi/host/spin_lock.h. */
#include "bpf/abi/host/spin_lock.h"

#include "bpf/runtime/runtime.h"

#define WORD(r) ((uint32_t*)(uintptr_t)(r))

BPF_BODY(bpf_spin_lock) {
  bpf_lock_word(WORD(r1));
  return 0;
}

BPF_BODY(bpf_spin_unlock) {
  bpf_unlock_word(WORD(r1));
  return 0;
}
