// SPDX-License-Identifier: Apache-2.0
// spread.h — flows of one receive queue shared by several workers, for ports that cannot do it themselves.
//
// Shape     hash of the 5-tuple -> one of the workers; frames for others go through a bounded queue each, in order
//           per flow. Both directions of a flow have one hash. Fragments and other protocols are spread by addresses,
//           frames that are not IP by their MAC addresses.
// Threads   the worker that polls the queue.
// Errors    a full queue drops the frame as spread_full.
#pragma once

#include "dataplane/lane.h"

namespace dataplane {

u32 flow_hash(const base::u8* frame, u32 bytes) noexcept;

// Hands frames of other workers over and moves those of this one to the front of `frames`; returns how many those are.
u32 spread_burst(Lane& lane, const Source& source, rte_mbuf** frames, u32 count) noexcept;

}  // namespace dataplane
