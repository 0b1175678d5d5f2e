/* SPDX-License-Identifier: Apache-2.0 */
/* spin_lock.h — struct bpf_spin_lock: one word in a map's value, 0 free, 1 held.
 *
 * Threads   any. Who holds it runs to the unlock: the verifier lets a program call nothing and end nowhere in between,
 *           and the door copies one value. A thread on the same CPU that was preempted with the lock gets its turn: who
 *           waits yields the CPU after SPINS rounds.
 * Cost      free: one atomic exchange. Not inlined into programs: the call is also what keeps their loads and stores
 *           between lock and unlock.
 */
#pragma once

#include <sched.h>
#include <stdint.h>

static inline __attribute__((unused)) void bpf_lock_word(uint32_t *word) {
  enum { SPINS = 256 };
  uint32_t spins = 0;
  while (__atomic_exchange_n(word, 1u, __ATOMIC_ACQUIRE))
    while (__atomic_load_n(word, __ATOMIC_RELAXED)) {
      if (++spins % SPINS == 0)
        sched_yield();
      else
        __builtin_ia32_pause();
    }
}

static inline __attribute__((unused)) void bpf_unlock_word(uint32_t *word) {
  __atomic_store_n(word, 0u, __ATOMIC_RELEASE);
}
