// SPDX-License-Identifier: Apache-2.0
// transmit.h — the way out: bursts to ports, and the ends of frames that do not get there.
//
// Shape     send_burst() sends frames of one entry at once; post() collects single frames per egress port until
//           flush(). A port whose transmit queues all belong to other workers is reached through a bounded queue to
//           one of them.
// Threads   the lane's worker.
// Errors    what cannot be sent becomes a drop of the port of entry, by reason.
// Cost      per burst: one transmit call, a few counter stores. A frame in post(): one store, two compares.
#pragma once

#include <rte_mbuf.h>

#include "dataplane/lane.h"

namespace dataplane {

// Frees frames that have been counted already.
void free_frames(rte_mbuf** frames, u32 count) noexcept;

// Frees a frame that has been counted with the others of its burst.
inline void lay_to_rest(Lane& lane, rte_mbuf* frame) noexcept {
  Graveyard& graveyard = lane.graveyard;
  if (graveyard.count == graveyard.frames.size()) [[unlikely]] {
    free_frames(graveyard.frames.data(), graveyard.count);
    graveyard.count = 0;
  }
  graveyard.frames[graveyard.count++] = frame;
}

// Counts the frame as dead now, frees it with the others of its burst.
inline void bury(Lane& lane, u16 entry, DropReason reason, rte_mbuf* frame) noexcept {
  lane.entry(entry).drop(reason);
  lay_to_rest(lane, frame);
}

// `longest` and `bytes` are over all frames.
void send_burst(Lane& lane, const Pipeline& pipeline, u16 entry, u16 egress, rte_mbuf** frames, u32 count, u32 longest,
                u32 bytes) noexcept;

// Sends everything posted and frees everything buried. All of it entered at `entry`.
void flush(Lane& lane, const Pipeline& pipeline, u16 entry) noexcept;

// False: the frame was buried.
inline bool post(Lane& lane, const Pipeline& pipeline, u16 entry, u16 egress, rte_mbuf* frame) noexcept {
  const Route& route = pipeline.routes[egress];
  if (!route.up) [[unlikely]] {
    bury(lane, entry, DropReason::tx_down, frame);
    return false;
  }
  if (frame->pkt_len > route.frame_bytes_max) [[unlikely]] {
    bury(lane, entry, DropReason::tx_too_long, frame);
    return false;
  }
  Outbox::Queue& queue = lane.outbox.queues[egress];
  if (queue.count == queue.frames.size()) [[unlikely]]  // programs may send copies of one frame to one port
    flush(lane, pipeline, entry);
  lane.outbox.touched |= 1u << egress;
  queue.frames[queue.count++] = frame;
  queue.bytes += frame->pkt_len;
  return true;
}

// A burst of what another worker put into `ring`, counted as taken over. Returns how many, at most kBurstMax.
u32 take_over(Lane& lane, rte_ring* ring, rte_mbuf** frames) noexcept;

// Sends what other workers put into `ring` for queues of this one; returns how many frames it took.
u32 send_handovers(Lane& lane, const Pipeline& pipeline, rte_ring* ring) noexcept;

}  // namespace dataplane
