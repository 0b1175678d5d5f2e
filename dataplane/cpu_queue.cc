// SPDX-License-Identifier: Apache-2.0
#include "dataplane/cpu_queue.h"

#include <rte_ring.h>

#include <algorithm>
#include <bit>

#include "dataplane/entry_program.h"
#include "dataplane/xdp_hook.h"

namespace dataplane {
namespace {

// Where a frame keeps the program that waits for it.
u32& program_of(rte_mbuf* frame) {
  return frame->hash.usr;
}

void hand_over(Lane& lane, rte_ring* ring, CpuOutbox::Queue& queue) {
  const u32 waiting = rte_ring_count(ring);
  const u32 room = lane.cpus_closed || waiting >= queue.bound ? 0 : queue.bound - waiting;
  const u32 wanted = std::min(queue.count, room);
  const u32 taken =
      wanted == 0 ? 0 : rte_ring_sp_enqueue_burst(ring, reinterpret_cast<void**>(queue.frames.data()), wanted, nullptr);
  // Whoever takes them may count before we do; `held` counts what was handed over, and is asked between bursts.
  for (u32 i = 0; i < taken; ++i) lane.entry(queue.entries[i]).handed_over.add(1);
  for (u32 i = taken; i < queue.count; ++i) bury(lane, queue.entries[i], DropReason::cpumap_full, queue.frames[i]);
  queue.count = 0;
}

// Frames of one port of entry with one program.
void process(Lane& lane, const Pipeline& pipeline, rte_mbuf** frames, u32 count) {
  Source source = pipeline.from_cpus[frames[0]->port];
  if (const u32 id = program_of(frames[0])) {
    source.program = find_entry_program(pipeline, id);
    if (!source.program) {
      lane.entry(source.entry).drop(DropReason::entry_no_program, count);
      return free_frames(frames, count);
    }
  }
  process_burst(lane, pipeline, source, frames, count);
}

}  // namespace

bool post_to_cpu(Lane& lane, const Pipeline& pipeline, u16 port, u32 cpu, u64 entry, rte_mbuf* frame) noexcept {
  const auto same_cpu = [cpu](const CpuRoute& route) { return route.cpu == cpu; };
  const auto route = std::find_if(pipeline.cpus.begin(), pipeline.cpus.end(), same_cpu);
  if (route == pipeline.cpus.end()) return false;
  const u64 place = u64(route - pipeline.cpus.begin());
  CpuOutbox::Queue& queue = lane.cpu_outbox.queues[place];
  if (queue.count == queue.frames.size()) [[unlikely]]  // programs may send copies
    hand_over(lane, route->ring, queue);
  const u32 bound = std::min(u32(entry), kCpuQueueSlots - 1);
  queue.bound = queue.count == 0 ? bound : std::min(queue.bound, bound);
  frame->port = port;
  program_of(frame) = u32(entry >> 32);
  queue.entries[queue.count] = port;
  queue.frames[queue.count++] = frame;
  lane.cpu_outbox.touched |= u64(1) << place;
  return true;
}

void flush_cpus(Lane& lane, const Pipeline& pipeline) noexcept {
  for (u64 touched = std::exchange(lane.cpu_outbox.touched, 0); touched != 0; touched &= touched - 1) {
    const auto place = std::size_t(std::countr_zero(touched));
    hand_over(lane, pipeline.cpus[place].ring, lane.cpu_outbox.queues[place]);
  }
}

u32 receive_from_cpus(Lane& lane, const Pipeline& pipeline, rte_ring* ring) noexcept {
  rte_mbuf* frames[kBurstMax];
  const u32 count = take_over(lane, ring, frames);
  for (u32 begin = 0, end = 0; begin < count; begin = end) {
    const u16 port = frames[begin]->port;
    const u32 program = program_of(frames[begin]);
    while (end < count && frames[end]->port == port && program_of(frames[end]) == program) ++end;
    process(lane, pipeline, frames + begin, end - begin);
  }
  return count;
}

}  // namespace dataplane
