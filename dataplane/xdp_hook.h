// SPDX-License-Identifier: Apache-2.0
// xdp_hook.h — the XDP stage: contexts for a burst of frames, one call into the program, verdicts carried out.
//
// Shape     xdp_buff[i] <- mbuf[i]; program; if all verdicts agree the burst leaves as it is, else frame by frame.
//           What the program did to the borders of a frame is written back when the frame goes on; metadata ends
//           here, but for frames that pass to TC programs (tc_hook.h).
// Threads   the lane's worker.
// Source    verdicts: docs.kernel.org/networking, AF_XDP and XDP; a number that is no verdict counts as XDP_ABORTED.
// Cost      per frame: one context of 72 bytes in L1, two passes over the mbuf's first line.
#pragma once

#include "dataplane/transmit.h"
#include "drivers/mempool.h"

namespace dataplane {

// What Linux keeps at the start of the headroom for its own notes (struct xdp_frame): a program gets 256 - 40 bytes
// in front of a fresh frame there, so it gets the same here.
inline constexpr u32 kFrameNotes = 40;
inline constexpr u32 kHiddenForPrograms = drivers::kHiddenHeadroom - kFrameNotes;

// Takes `count` frames that came in at `source`; returns their bytes as they came. count <= kBurstMax.
u32 process_burst(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count) noexcept;

}  // namespace dataplane
