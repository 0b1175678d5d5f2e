// SPDX-License-Identifier: Apache-2.0
// entry_program.h — programs that entries of redirect maps name: found by id, and run where a frame leaves by a devmap.
//
// Threads   the lane's worker.
// Errors    null: the entry and its program went while the frame was under way.
// Source    what Linux 6.18 does: a devmap program sees the ingress and the egress port, receive queue 0, and frames
//           that may leave; any verdict but XDP_PASS ends the frame.
#pragma once

#include "dataplane/lane.h"

namespace dataplane {

inline const AttachedProgram* find_entry_program(const Pipeline& pipeline, u32 id) noexcept {
  for (const auto& program : pipeline.entry_programs)  // a handful
    if (program->id() == id) return program.get();
  return nullptr;
}

// True: XDP_PASS, and the frame has the borders that the program left.
bool run_devmap_program(Lane& lane, const AttachedProgram& program, const Source& source, u32 egress_ifindex,
                        rte_mbuf* frame) noexcept;

}  // namespace dataplane
