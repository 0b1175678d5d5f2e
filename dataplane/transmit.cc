// SPDX-License-Identifier: Apache-2.0
#include "dataplane/transmit.h"

#include <rte_ethdev.h>
#include <rte_ring.h>

#include <bit>

#include "dataplane/cpu_queue.h"

namespace dataplane {
namespace {

u32 byte_count(rte_mbuf** frames, u32 count) {
  u32 bytes = 0;
  for (u32 i = 0; i < count; ++i) bytes += frames[i]->pkt_len;
  return bytes;
}

void drop_all(Lane& lane, u16 entry, DropReason reason, rte_mbuf** frames, u32 count) {
  lane.entry(entry).drop(reason, count);
  free_frames(frames, count);
}

DropReason refusal_reason(const Route& route) {
  return route.link_up->load(std::memory_order_relaxed) ? DropReason::tx_full : DropReason::tx_no_link;
}

void send_to_device(Lane& lane, const Route& route, u16 entry, u16 egress, rte_mbuf** frames, u32 count, u32 bytes) {
  const u32 sent = rte_eth_tx_burst(route.device, route.queue, frames, u16(count));
  lane.entry(entry).sent[egress].add(sent);
  if (sent < count) [[unlikely]] {
    bytes -= byte_count(frames + sent, count - sent);
    drop_all(lane, entry, refusal_reason(route), frames + sent, count - sent);
  }
  lane.counters.sent_bytes[egress].add(bytes);
}

// The frame itself says where it came from and where it goes: its owner is this worker until it is in the queue.
void hand_over(Lane& lane, const Route& route, u16 entry, u16 egress, rte_mbuf** frames, u32 count) {
  for (u32 i = 0; i < count; ++i) {
    frames[i]->port = entry;
    frames[i]->hash.usr = egress;
  }
  const u32 taken = rte_ring_sp_enqueue_burst(route.ring, reinterpret_cast<void**>(frames), count, nullptr);
  lane.entry(entry).handed_over.add(taken);
  if (taken < count) drop_all(lane, entry, DropReason::handover_full, frames + taken, count - taken);
}

void dispatch(Lane& lane, const Route& route, u16 entry, u16 egress, rte_mbuf** frames, u32 count, u32 bytes) {
  if (route.kind == Route::Kind::device) [[likely]]
    return send_to_device(lane, route, entry, egress, frames, count, bytes);
  if (route.kind == Route::Kind::handover) return hand_over(lane, route, entry, egress, frames, count);
  drop_all(lane, entry, DropReason::tx_down, frames, count);
}

// One egress port, any entries.
void send_taken(Lane& lane, const Route& route, u16 egress, rte_mbuf** frames, u32 count) {
  u16 entries[kBurstMax];
  for (u32 i = 0; i < count; ++i) entries[i] = frames[i]->port;
  u32 bytes = byte_count(frames, count);
  const bool up = route.up && route.kind == Route::Kind::device;
  const u32 sent = up ? rte_eth_tx_burst(route.device, route.queue, frames, u16(count)) : 0;
  for (u32 i = 0; i < sent; ++i) lane.entry(entries[i]).sent[egress].add(1);
  if (sent < count) {
    bytes -= byte_count(frames + sent, count - sent);
    const DropReason reason = up ? refusal_reason(route) : DropReason::tx_down;
    for (u32 i = sent; i < count; ++i) lane.entry(entries[i]).drop(reason);
    free_frames(frames + sent, count - sent);
  }
  lane.counters.sent_bytes[egress].add(bytes);
}

}  // namespace

// The common burst is whole frames of one pool that nobody else holds: they go back with one copy of their addresses. A
// frame in one buffer has no `next` (an invariant of mbufs), so its second cache line stays untouched.
void free_frames(rte_mbuf** frames, u32 count) noexcept {
  constexpr u64 kBorrowed = RTE_MBUF_F_INDIRECT | RTE_MBUF_F_EXTERNAL;
  rte_mempool* pool = frames[0]->pool;
  u64 difference = 0;
  for (u32 i = 0; i < count; ++i) {
    const rte_mbuf* frame = frames[i];
    difference |= (frame->refcnt ^ 1u) | (frame->nb_segs ^ 1u) | (frame->ol_flags & kBorrowed);
    difference |= reinterpret_cast<u64>(frame->pool) ^ reinterpret_cast<u64>(pool);
  }
  if (difference == 0) [[likely]]
    return rte_mempool_put_bulk(pool, reinterpret_cast<void**>(frames), count);
  rte_pktmbuf_free_bulk(frames, count);
}

void send_burst(Lane& lane, const Pipeline& pipeline, u16 entry, u16 egress, rte_mbuf** frames, u32 count, u32 longest,
                u32 bytes) noexcept {
  const Route& route = pipeline.routes[egress];
  if (route.up && longest <= route.frame_bytes_max) [[likely]]
    return dispatch(lane, route, entry, egress, frames, count, bytes);
  for (u32 i = 0; i < count; ++i) (void)post(lane, pipeline, entry, egress, frames[i]);
  flush(lane, pipeline, entry);
}

void flush(Lane& lane, const Pipeline& pipeline, u16 entry) noexcept {
  for (u32 touched = std::exchange(lane.outbox.touched, 0); touched != 0; touched &= touched - 1) {
    const u16 egress = u16(std::countr_zero(touched));
    Outbox::Queue& queue = lane.outbox.queues[egress];
    dispatch(lane, pipeline.routes[egress], entry, egress, queue.frames.data(), queue.count, queue.bytes);
    queue.count = queue.bytes = 0;
  }
  if (lane.cpu_outbox.touched != 0) flush_cpus(lane, pipeline);
  if (lane.graveyard.count != 0) free_frames(lane.graveyard.frames.data(), std::exchange(lane.graveyard.count, 0));
}

u32 take_over(Lane& lane, rte_ring* ring, rte_mbuf** frames) noexcept {
  const u32 count = rte_ring_sc_dequeue_burst(ring, reinterpret_cast<void**>(frames), kBurstMax, nullptr);
  if (count == 0) return 0;
  lane.publish_if_wanted();
  for (u32 i = 0; i < count; ++i) lane.entry(frames[i]->port).taken_over.add(1);
  return count;
}

u32 send_handovers(Lane& lane, const Pipeline& pipeline, rte_ring* ring) noexcept {
  rte_mbuf* frames[kBurstMax];
  const u32 count = take_over(lane, ring, frames);
  for (u32 begin = 0, end = 0; begin < count; begin = end) {
    const u16 egress = u16(frames[begin]->hash.usr);
    while (end < count && frames[end]->hash.usr == egress) ++end;
    send_taken(lane, pipeline.routes[egress], egress, frames + begin, end - begin);
  }
  return count;
}

}  // namespace dataplane
