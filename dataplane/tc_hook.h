// SPDX-License-Identifier: Apache-2.0
// tc_hook.h — the way of frames beyond XDP: TC programs of the port of entry, on-pass, TC programs of the egress port.
//
// Shape     one frame goes its whole way before the next one starts: ingress chain, on-pass or redirect, egress chain,
//           outbox. A redirect or a copy to an egress runs that port's egress chain at once; one to an ingress
//           (BPF_F_INGRESS) waits in the lane's backlog until the frames of the burst are through, as on Linux.
//           Frames that XDP sends or redirects do not come here, as on Linux.
// Threads   the lane's worker.
// Errors    every frame ends in the outbox, as a drop by reason, or consumed. A program that keeps sending a frame on
//           is stopped after kTcSendsMax times.
// Source    redirects, copies, their limits and answers: asked of Linux 6.18.
#pragma once

#include "bpf/registry/host.h"
#include "dataplane/transmit.h"

namespace dataplane {

inline constexpr u32 kTcSendsMax = 9;  // as often as programs may send on one frame; Linux: nine nested transmissions

// Takes a frame that came in at `source` and that XDP let pass, with the borders XDP left (null: they are the mbuf's).
void receive_skb(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf* frame,
                 const xdp_borders* borders) noexcept;

// After the frames of a burst, before flush(): takes those that programs sent to an ingress.
void receive_backlog(Lane& lane, const Pipeline& pipeline, u16 entry) noexcept;

// The helper, for bpf_host. REQUIRES: called by a program that this file runs.
int clone_redirect(bpf_env* env, sk_buff* buff, u32 ifindex, u32 flags) noexcept;

}  // namespace dataplane
