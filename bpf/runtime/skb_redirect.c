/* SPDX-License-Identifier: Apache-2.0 */
/* skb_redirect.c — where a struct sk_buff is to go: noted in env->redirect, done by the hook when the program returns.
 *
 * Errors    the verdict TC_ACT_SHOT for unknown flags; clone_redirect: EINVAL also where no such device is known,
 *           EBADMSG a packet that is to be cut, but nothing says how.
 */
#include "bpf/runtime/skb.h"

enum { kActShot = 2, kActRedirect = 7, kIngressFlag = 1, kNeighbourBytes = 20 };

static inline uint64_t note(struct bpf_env* env, uint32_t kind, uint64_t ifindex, uint64_t flags) {
  env->redirect.kind = kind;
  env->redirect.target = (uint32_t)ifindex;
  env->redirect.map_id = 0;
  env->redirect.flags = (uint32_t)flags;
  return kActRedirect;
}

BPF_BODY(bpf_skb_redirect) {
  if (r2 & ~(uint64_t)kIngressFlag) return kActShot;
  return note(env, BPF_REDIRECT_IFINDEX, r1, r2);
}

BPF_BODY(bpf_redirect_peer) {
  return r2 ? kActShot : note(env, BPF_REDIRECT_PEER, r1, 0);
}

BPF_BODY(bpf_redirect_neigh) {
  if ((r3 && r3 < kNeighbourBytes) || r4) return kActShot;
  return note(env, BPF_REDIRECT_NEIGHBOUR, r1, 0);
}

BPF_BODY(bpf_clone_redirect) {
  if (r3 & ~(uint64_t)kIngressFlag) return skb_error(EINVAL);
  if (skb_is_gso(skb_of(r1)) && skb_of(r1)->gso_type == 0) return skb_error(EBADMSG);
  if (!env->host->clone_redirect) return skb_error(EINVAL);
  return (uint64_t)(int64_t)env->host->clone_redirect(env, skb_of(r1), (uint32_t)r2, (uint32_t)r3);
}
