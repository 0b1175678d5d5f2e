// SPDX-License-Identifier: Apache-2.0
// cpu_queue.h — cpumap: frames on their way from one worker to another, and what they meet there.
//
// Shape     a queue per pair of workers, of kCpuQueueSlots frames; an entry of a map may allow fewer, and all entries
//           of one CPU share it. post_to_cpu() collects, flush_cpus() hands over at the end of the burst,
//           receive_from_cpus() takes what came: the entry's program runs there, then the frame goes on as one that
//           passed XDP. A frame keeps its port of entry, and its order among those that came by the same worker.
// Threads   the lane's worker.
// Errors    a full queue, a CPU without a worker: drops of the port of entry, by reason.
#pragma once

#include "dataplane/transmit.h"

namespace dataplane {

// `entry`: of the cpumap, queue size | program id << 32. False: no worker runs on that CPU; the frame is still here.
bool post_to_cpu(Lane& lane, const Pipeline& pipeline, u16 port, u32 cpu, u64 entry, rte_mbuf* frame) noexcept;

// REQUIRES: lane.cpu_outbox.touched is not 0.
void flush_cpus(Lane& lane, const Pipeline& pipeline) noexcept;

// One burst out of a queue; returns how many frames it took.
u32 receive_from_cpus(Lane& lane, const Pipeline& pipeline, rte_ring* ring) noexcept;

}  // namespace dataplane
