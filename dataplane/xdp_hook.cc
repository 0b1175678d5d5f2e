// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xdp_hook.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>

#include <algorithm>
#include <cstring>

#include "bpf/runtime/runtime.h"
#include "dataplane/redirect.h"
#include "drivers/mempool.h"

namespace dataplane {
namespace {

// What Linux keeps at the start of the headroom for its own notes (struct xdp_frame): a program gets 256 - 40 bytes
// in front of a fresh frame there, so it gets the same here.
constexpr u32 kFrameNotes = 40;
constexpr u32 kHiddenForPrograms = drivers::kHiddenHeadroom - kFrameNotes;

struct Total {
  u32 longest = 0;
  u32 bytes = 0;
  u32 segments = 0;  // 0: every frame lies in one buffer
};

void add(Total& total, const rte_mbuf* frame) {
  const u32 bytes = frame->pkt_len;
  total.longest = std::max(total.longest, bytes);
  total.bytes += bytes;
  total.segments |= frame->nb_segs ^ 1u;
}

// Contexts for a burst. What depends on the source alone is in them since the pipeline was built; where a program
// leaves the borders alone, the outer ones are not needed either.
template <bool kWithBorders>
Total fill_buffs(xdp_buff* buffs, rte_mbuf** frames, u32 count) {
  Total total;
  for (u32 i = 0; i < count; ++i) {
    rte_mbuf* frame = frames[i];
    xdp_buff& buff = buffs[i];
    add(total, frame);
    char* buffer = static_cast<char*>(frame->buf_addr);
    char* data = buffer + frame->data_off;
    rte_prefetch0(data);
    buff.data = data;
    buff.data_end = data + frame->pkt_len;  // a frame for which that is wrong is segmented and never shown
    if constexpr (kWithBorders) {
      buff.data_meta = data;
      buff.data_hard_start = buffer - kHiddenForPrograms;
      buff.frame_sz = frame->buf_len + kHiddenForPrograms;
    }
    buff.mbuf = frame;
  }
  return total;
}

Total fill_buffs(const Source& source, rte_mbuf** frames, u32 count) {
  return source.program->moves_borders() ? fill_buffs<true>(source.buffs.get(), frames, count)
                                         : fill_buffs<false>(source.buffs.get(), frames, count);
}

void run_single(Lane& lane, const bpf_prog* prog, xdp_buff* buffs, u32 count) {
  for (u32 i = 0; i < count; ++i) {
    bpf_env_begin(&lane.env);
    lane.verdicts[i] = u32(bpf_prog_run(prog)(&buffs[i], &lane.env, prog));
    buffs[i].redirect = lane.env.redirect;
  }
}

void run_program(Lane& lane, const AttachedProgram& program, xdp_buff* buffs, u32 count) {
  const bpf_prog* prog = program.prog();
  AttachedProgram::Slot& slot = program.slot(lane.index);
  const u64 begin = lane.take_run_time ? rte_rdtsc() : 0;
  if (const bpf_burst_fn burst = bpf_prog_burst(prog)) [[likely]]
    burst(buffs, count, lane.verdicts.data(), &lane.env, prog);
  else
    run_single(lane, prog, buffs, count);
  if (lane.take_run_time)
    slot.run_cycles.store(slot.run_cycles.load(std::memory_order_relaxed) + rte_rdtsc() - begin,
                          std::memory_order_relaxed);
  slot.run_cnt.store(slot.run_cnt.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
}

// A frame that begins in the hidden half of the headroom moves up into the buffer, where drivers can describe it.
// False: it is longer than the buffer.
[[gnu::noinline]] bool move_into_buffer(xdp_buff& buff, rte_mbuf* frame, u32 bytes) {
  if (bytes > frame->buf_len) return false;
  std::memmove(frame->buf_addr, buff.data, bytes);
  buff.data = frame->buf_addr;
  buff.data_end = static_cast<char*>(buff.data) + bytes;
  frame->data_off = 0;
  return true;
}

// The borders that the program left, into the mbuf. Returns the frame's length, UINT32_MAX if no buffer holds it.
u32 write_back(xdp_buff& buff) {
  auto* frame = static_cast<rte_mbuf*>(buff.mbuf);
  char* data = static_cast<char*>(buff.data);
  char* buffer = static_cast<char*>(frame->buf_addr);
  const u32 bytes = u32(static_cast<char*>(buff.data_end) - data);
  if (data < buffer) [[unlikely]] {
    if (!move_into_buffer(buff, frame, bytes)) return UINT32_MAX;
  } else {
    frame->data_off = u16(data - buffer);
  }
  frame->data_len = u16(bytes);
  frame->pkt_len = bytes;
  return bytes;
}

// Lengths may have changed.
Total write_back_all(const Source& source, u32 count) {
  Total total;
  for (u32 i = 0; i < count; ++i) {
    const u32 bytes = write_back(source.buffs[i]);
    total.longest = std::max(total.longest, bytes);
    total.bytes += bytes;
  }
  return total;
}

// One by one, as they were stored a moment ago: a vector of them would wait until the stores have left for the cache.
bool all_equal(const u32* verdicts, u32 count) {
  u32 difference = 0;
#ifdef __clang__
#pragma clang loop vectorize(disable)
#endif
  for (u32 i = 1; i < count; ++i) difference |= verdicts[i] ^ verdicts[0];
  return difference == 0;
}

// All frames go where the first one goes.
bool same_target(const xdp_buff* buffs, u32 count) {
  u64 first[2], difference = 0;
  std::memcpy(first, &buffs[0].redirect, sizeof first);
  for (u32 i = 1; i < count; ++i) {
    u64 other[2];
    std::memcpy(other, &buffs[i].redirect, sizeof other);
    difference |= (first[0] ^ other[0]) | (first[1] ^ other[1]);
  }
  return difference == 0;
}

// The one port that all frames of a burst with one verdict leave by; kNoPort: they part.
u16 find_common_egress(const Pipeline& pipeline, const Source& source, Verdict verdict, u32 count) {
  if (verdict == Verdict::tx) return source.entry;
  if (verdict == Verdict::pass) return source.pass_to;
  if (verdict != Verdict::redirect || !same_target(source.buffs.get(), count)) return kNoPort;
  return find_redirect_port(pipeline, source.buffs[0].redirect);
}

void drop_frame(Lane& lane, u16 entry, DropReason reason, rte_mbuf* frame) {
  if (reason != DropReason::xdp_drop && reason != DropReason::pass_drop) lane.entry(entry).xdp_exceptions.add(1);
  bury(lane, entry, reason, frame);
}

// One frame's verdict. Counts it as well.
void carry_out(Lane& lane, const Pipeline& pipeline, const Source& source, u32 verdict, xdp_buff& buff) {
  EntryCounters& counters = lane.entry(source.entry);
  auto* frame = static_cast<rte_mbuf*>(buff.mbuf);
  if (verdict >= kVerdictCount) {
    counters.verdicts[std::size_t(Verdict::aborted)].add(1);
    return drop_frame(lane, source.entry, DropReason::xdp_unknown_verdict, frame);
  }
  counters.verdicts[verdict].add(1);
  const auto kind = Verdict(verdict);
  if (kind == Verdict::drop) return drop_frame(lane, source.entry, DropReason::xdp_drop, frame);
  if (kind == Verdict::aborted) return drop_frame(lane, source.entry, DropReason::xdp_aborted, frame);
  if (kind == Verdict::pass && source.pass_to == kNoPort)
    return drop_frame(lane, source.entry, DropReason::pass_drop, frame);
  if (source.program->moves_borders() && write_back(buff) == UINT32_MAX)
    return bury(lane, source.entry, DropReason::tx_too_long, frame);
  if (kind == Verdict::redirect) return redirect_frame(lane, pipeline, source, buff.redirect, frame);
  post(lane, pipeline, source.entry, kind == Verdict::tx ? source.entry : source.pass_to, frame);
}

// The whole burst has one fate. False: it has not, nothing was done.
bool carry_out_together(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count,
                        Total total) {
  if (lane.verdicts[0] >= kVerdictCount || !all_equal(lane.verdicts.data(), count)) return false;
  const auto verdict = Verdict(lane.verdicts[0]);
  EntryCounters& counters = lane.entry(source.entry);
  if (verdict == Verdict::drop) {
    counters.verdicts[std::size_t(verdict)].add(count);
    counters.drop(DropReason::xdp_drop, count);
    free_frames(frames, count);
    return true;
  }
  const u16 egress = find_common_egress(pipeline, source, verdict, count);
  if (egress == kNoPort) return false;
  if (source.program->moves_borders()) total = write_back_all(source, count);
  if (total.longest == UINT32_MAX) return false;
  counters.verdicts[std::size_t(verdict)].add(count);
  send_burst(lane, pipeline, source.entry, egress, frames, count, total.longest, total.bytes);
  return true;
}

// Frames in several buffers end here; the others close ranks.
[[gnu::noinline]] u32 drop_segmented(Lane& lane, u16 entry, rte_mbuf** frames, u32 count) {
  u32 kept = 0;
  for (u32 i = 0; i < count; ++i) {
    if (frames[i]->nb_segs == 1) {
      frames[kept++] = frames[i];
    } else {
      lane.entry(entry).drop(DropReason::rx_segmented);
      rte_pktmbuf_free(frames[i]);
    }
  }
  return kept;
}

u32 run_xdp(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count) {
  Total total = fill_buffs(source, frames, count);
  const u32 received_bytes = total.bytes;
  if (total.segments) [[unlikely]] {
    count = drop_segmented(lane, source.entry, frames, count);
    if (count == 0) return received_bytes;
    total = fill_buffs(source, frames, count);
  }
  run_program(lane, *source.program, source.buffs.get(), count);
  if (carry_out_together(lane, pipeline, source, frames, count, total)) return received_bytes;
  for (u32 i = 0; i < count; ++i) carry_out(lane, pipeline, source, lane.verdicts[i], source.buffs[i]);
  flush(lane, pipeline, source.entry);
  return received_bytes;
}

u32 pass_all(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count) {
  Total total;
  for (u32 i = 0; i < count; ++i) add(total, frames[i]);
  if (source.pass_to == kNoPort) {
    lane.entry(source.entry).drop(DropReason::pass_drop, count);
    free_frames(frames, count);
  } else {
    send_burst(lane, pipeline, source.entry, source.pass_to, frames, count, total.longest, total.bytes);
  }
  return total.bytes;
}

}  // namespace

u32 process_burst(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count) noexcept {
  return source.program ? run_xdp(lane, pipeline, source, frames, count)
                        : pass_all(lane, pipeline, source, frames, count);
}

}  // namespace dataplane
