// SPDX-License-Identifier: Apache-2.0
#include "dataplane/spread.h"

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "dataplane/transmit.h"

namespace dataplane {
namespace {

void hand_to_worker(Lane& lane, u16 entry, rte_ring* ring, rte_mbuf** frames, u32 count) {
  const u32 taken = rte_ring_sp_enqueue_burst(ring, reinterpret_cast<void**>(frames), count, nullptr);
  lane.entry(entry).handed_over.add(taken);
  if (taken == count) return;
  lane.entry(entry).drop(DropReason::spread_full, count - taken);
  free_frames(frames + taken, count - taken);
}

}  // namespace

u32 spread_burst(Lane& lane, const Source& source, rte_mbuf** frames, u32 count) noexcept {
  const u32 workers = u32(source.spread.size());
  u32 owner[kBurstMax];
  for (u32 i = 0; i < count; ++i)
    owner[i] = flow_hash(rte_pktmbuf_mtod(frames[i], const base::u8*), frames[i]->data_len) % workers;
  u32 own = 0;
  rte_mbuf* kept[kBurstMax];
  for (u32 w = 0; w < workers; ++w) {
    rte_mbuf* group[kBurstMax];
    u32 size = 0;
    for (u32 i = 0; i < count; ++i)
      if (owner[i] == w) group[size++] = frames[i];
    if (size == 0) continue;
    if (source.spread[w])
      hand_to_worker(lane, source.entry, source.spread[w], group, size);
    else
      for (u32 i = 0; i < size; ++i) kept[own++] = group[i];
  }
  for (u32 i = 0; i < own; ++i) frames[i] = kept[i];
  return own;
}

}  // namespace dataplane
