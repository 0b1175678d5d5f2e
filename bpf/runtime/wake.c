/* SPDX-License-Identifier: Apache-2.0 */
/* wake.c — waking the consumers of ring buffers: noted while programs run, done at the end of a burst. */
#include <unistd.h>

#include "bpf/runtime/runtime.h"

void bpf_env_wake(struct bpf_env* env, int fd) {
  for (uint32_t i = 0; i < env->wake_count; i++)
    if (env->wake_fds[i] == fd) return;
  if (env->wake_count == BPF_WAKES_MAX) bpf_env_flush_wakes(env);
  env->wake_fds[env->wake_count++] = fd;
}

void bpf_env_flush_wakes(struct bpf_env* env) {
  const uint64_t one = 1;
  for (uint32_t i = 0; i < env->wake_count; i++) {
    /* A counter that is full has woken its reader already. */
    ssize_t ignored = write(env->wake_fds[i], &one, sizeof one);
    (void)ignored;
  }
  env->wake_count = 0;
}
