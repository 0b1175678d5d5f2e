// SPDX-License-Identifier: Apache-2.0
// skb.h — a frame beyond XDP: its struct sk_buff over the bytes of its mbuf, and back.
//
// Shape     a Skb stands for one mbuf while it is on its way through hooks; the sk_buff's buffer is the mbuf's, with
//           the half of the headroom that lies in front of it. What a driver's hand-over notes (type of the packet,
//           protocol, a VLAN tag taken out of the bytes) is noted by enter_port().
// Threads   the lane's worker.
// Lifetime  on the worker's stack, or in its backlog. It owns the mbuf until someone takes it.
// Errors    false: the frame cannot be such a packet; it still belongs to the caller.
// Cost      three cache lines on the stack, the frame's first line.
#pragma once

#include "bpf/abi/host/sk_buff.h"
#include "bpf/abi/host/xdp_burst.h"
#include "dataplane/pipeline.h"

struct rte_mbuf;

namespace dataplane {

struct Skb {
  sk_buff buff;  // first: helpers are given its address
  rte_mbuf* frame;
  u32 sends;  // how often a program has sent it on, see kTcSendsMax
};

inline Skb& skb_of_buff(sk_buff* buff) noexcept {
  return *reinterpret_cast<Skb*>(buff);
}

// `borders`: where XDP left the frame, or null.
// REQUIRES: the frame lies in one buffer.
void make_skb(Skb& skb, rte_mbuf* frame, const xdp_borders* borders, u32 rx_queue) noexcept;

// As if the device of `stage` had just received it. False: too short for its link header.
bool enter_port(Skb& skb, const PortStage& stage) noexcept;

// A whole copy of its own; false: no buffer was left.
bool copy_skb(const Skb& from, Skb& to) noexcept;

// The tag and the borders go back into the mbuf. False: no buffer holds what it has become.
bool settle_skb(Skb& skb) noexcept;

}  // namespace dataplane
