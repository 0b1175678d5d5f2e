// SPDX-License-Identifier: Apache-2.0
// redirect.h — verdict XDP_REDIRECT: from what the helper noted to a port, or to several with copies.
//
// Threads   the lane's worker.
// Errors    a target that is none ends the frame, by reason; each hits the xdp_redirect_err trace point.
// Source    bpf_redirect, bpf_redirect_map in bpf-helpers(7). A copy is a whole one: two ports never write to one
//           buffer.
#pragma once

#include "bpf/abi/host/bpf_map.h"
#include "dataplane/transmit.h"

namespace dataplane {

// The port that a redirect without BPF_F_BROADCAST and without a program names; kNoPort otherwise.
inline u16 find_redirect_port(const Pipeline& pipeline, const struct bpf_redirect& redirect) noexcept {
  constexpr u32 kNotTogether = 1u << 3 | u32(BPF_REDIRECT_ENTRY_PROG);  // BPF_F_BROADCAST
  const bool to_device = redirect.kind == BPF_REDIRECT_IFINDEX || redirect.kind == BPF_REDIRECT_MAP;
  if (!to_device || (redirect.flags & kNotTogether)) return kNoPort;
  return pipeline.ports_by_ifindex.find(redirect.target);
}

// Takes the frame: posts it, posts copies of it, or buries it.
void redirect_frame(Lane& lane, const Pipeline& pipeline, const Source& source, const struct bpf_redirect& redirect,
                    rte_mbuf* frame) noexcept;

}  // namespace dataplane
