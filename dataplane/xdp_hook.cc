// SPDX-License-Identifier: Apache-2.0
#include "dataplane/xdp_hook.h"

#include <rte_cycles.h>
#include <rte_prefetch.h>

#include <algorithm>

#include "bpf/runtime/burst.h"
#include "dataplane/borders.h"
#include "dataplane/redirect.h"
#include "dataplane/tc_hook.h"
#include "drivers/mempool.h"

namespace dataplane {
namespace {

static_assert(sizeof(bpf_frame) == offsetof(rte_mbuf, cacheline1));
static_assert(offsetof(bpf_frame, buf_addr) == offsetof(rte_mbuf, buf_addr));
static_assert(offsetof(bpf_frame, data_off) == offsetof(rte_mbuf, data_off));
static_assert(offsetof(bpf_frame, nb_segs) == offsetof(rte_mbuf, nb_segs));
static_assert(offsetof(bpf_frame, pkt_len) == offsetof(rte_mbuf, pkt_len));
static_assert(offsetof(bpf_frame, buf_len) == offsetof(rte_mbuf, buf_len));

struct Total {
  u32 longest = 0;
  u32 bytes = 0;
};

Total survey(rte_mbuf** frames, u32 count) {
  Total total;
  for (u32 i = 0; i < count; ++i) {
    total.longest = std::max(total.longest, frames[i]->pkt_len);
    total.bytes += frames[i]->pkt_len;
  }
  return total;
}

// The first lines of data that this core has not touched, all at once.
void fetch(rte_mbuf** frames, u32 count) {
  for (u32 i = 0; i < count; ++i) rte_prefetch0(static_cast<const char*>(frames[i]->buf_addr) + frames[i]->data_off);
}

struct xdp_burst make_burst(Lane& lane, const Source& source, rte_mbuf** frames, u32 count) {
  return {.frames = reinterpret_cast<bpf_frame* const*>(frames),
          .count = count,
          .headroom = kHiddenForPrograms,
          .ingress_ifindex = source.ifindex,
          .rx_queue_index = source.queue,
          .verdicts = lane.verdicts.data(),
          .redirects = lane.redirects.data(),
          .borders = lane.borders.data()};
}

void run_program(Lane& lane, const AttachedProgram& program, struct xdp_burst& burst) {
  const bpf_prog* prog = program.prog();
  RunCounters::Slot& slot = program.slot(lane.index);
  const u64 begin = lane.take_run_time ? rte_rdtsc() : 0;
  if (const bpf_burst_fn run_burst = bpf_prog_burst(prog)) [[likely]]
    run_burst(&burst, &lane.env, prog);
  else
    ::xdp_burst(&burst, &lane.env, prog, bpf_prog_run(prog), XDP_BURST_REDIRECTS | XDP_BURST_MOVES);
  if (lane.take_run_time)
    slot.run_cycles.store(slot.run_cycles.load(std::memory_order_relaxed) + rte_rdtsc() - begin,
                          std::memory_order_relaxed);
  slot.run_cnt.store(slot.run_cnt.load(std::memory_order_relaxed) + burst.count - burst.segmented,
                     std::memory_order_relaxed);
}

// Lengths may have changed.
Total write_back_all(const struct xdp_burst& burst, rte_mbuf** frames) {
  Total total;
  for (u32 i = 0; i < burst.count; ++i) {
    const u32 bytes = write_borders(frames[i], burst.borders[i].data, burst.borders[i].data_end);
    total.longest = std::max(total.longest, bytes);
    total.bytes += bytes;
  }
  return total;
}

// The one port that all frames of a burst with one verdict leave by; kNoPort: they part.
u16 find_common_egress(const Pipeline& pipeline, const Source& source, Verdict verdict, const struct xdp_burst& burst) {
  if (verdict == Verdict::tx) return source.entry;
  if (verdict == Verdict::pass) return source.pass_to;
  if (verdict != Verdict::redirect || burst.redirects_differ) return kNoPort;
  return find_redirect_port(pipeline, burst.redirects[0]);
}

// Behind a cpumap a frame has no port to go back to.
bool is_verdict(const Source& source, u32 verdict) {
  return verdict < kVerdictCount && !(source.by_cpumap && verdict == u32(Verdict::tx));
}

// The table is of what the port's own program said.
void count_verdicts(EntryCounters& counters, const Source& source, Verdict verdict, u32 count) {
  if (!source.by_cpumap) counters.verdicts[std::size_t(verdict)].add(count);
}

void drop_frame(Lane& lane, u16 entry, DropReason reason, rte_mbuf* frame) {
  if (reason != DropReason::xdp_drop && reason != DropReason::pass_drop) lane.entry(entry).xdp_exceptions.add(1);
  bury(lane, entry, reason, frame);
}

// One frame's verdict. Counts it as well.
void carry_out(Lane& lane, const Pipeline& pipeline, const Source& source, const struct xdp_burst& burst, u32 i,
               rte_mbuf* frame) {
  EntryCounters& counters = lane.entry(source.entry);
  const u32 verdict = burst.verdicts[i];
  if (burst.segmented != 0 && frame->nb_segs != 1) return bury(lane, source.entry, DropReason::rx_segmented, frame);
  if (!is_verdict(source, verdict)) {
    count_verdicts(counters, source, Verdict::aborted, 1);
    return drop_frame(lane, source.entry, DropReason::xdp_unknown_verdict, frame);
  }
  const auto kind = Verdict(verdict);
  count_verdicts(counters, source, kind, 1);
  if (kind == Verdict::drop) return drop_frame(lane, source.entry, DropReason::xdp_drop, frame);
  if (kind == Verdict::aborted) return drop_frame(lane, source.entry, DropReason::xdp_aborted, frame);
  if (kind == Verdict::pass && source.skbs)
    return receive_skb(lane, pipeline, source, frame, burst.borders_moved ? &burst.borders[i] : nullptr);
  if (kind == Verdict::pass && source.pass_to == kNoPort)
    return drop_frame(lane, source.entry, DropReason::pass_drop, frame);
  if (burst.borders_moved &&
      write_borders(frame, burst.borders[i].data, burst.borders[i].data_end) == UINT32_MAX)
    return bury(lane, source.entry, DropReason::tx_too_long, frame);
  if (kind == Verdict::redirect) return redirect_frame(lane, pipeline, source, burst.redirects[i], frame);
  (void)post(lane, pipeline, source.entry, kind == Verdict::tx ? source.entry : source.pass_to, frame);
}

// What passed goes on as skbs, one after the other.
void pass_skbs(Lane& lane, const Pipeline& pipeline, const Source& source, const xdp_borders* borders,
               rte_mbuf** frames, u32 count) {
  for (u32 i = 0; i < count; ++i) receive_skb(lane, pipeline, source, frames[i], borders ? &borders[i] : nullptr);
}

// What single frames have left behind goes.
void end_burst(Lane& lane, const Pipeline& pipeline, const Source& source) {
  if (lane.backlog.count != 0) receive_backlog(lane, pipeline, source.entry);
  flush(lane, pipeline, source.entry);
}

// The whole burst has one fate. False: it has not, nothing was done.
bool carry_out_together(Lane& lane, const Pipeline& pipeline, const Source& source, const struct xdp_burst& burst,
                        rte_mbuf** frames) {
  if (burst.verdicts_differ || !is_verdict(source, burst.verdicts[0])) return false;
  const auto verdict = Verdict(burst.verdicts[0]);
  EntryCounters& counters = lane.entry(source.entry);
  if (verdict == Verdict::drop) {
    count_verdicts(counters, source, verdict, burst.count);
    counters.drop(DropReason::xdp_drop, burst.count);
    free_frames(frames, burst.count);
    return true;
  }
  if (verdict == Verdict::pass && source.skbs) {
    count_verdicts(counters, source, verdict, burst.count);
    pass_skbs(lane, pipeline, source, burst.borders_moved ? burst.borders : nullptr, frames, burst.count);
    end_burst(lane, pipeline, source);
    return true;
  }
  const u16 egress = find_common_egress(pipeline, source, verdict, burst);
  if (egress == kNoPort) return false;
  const Total total = burst.borders_moved ? write_back_all(burst, frames) : Total{burst.longest, burst.bytes};
  if (total.longest == UINT32_MAX) return false;
  count_verdicts(counters, source, verdict, burst.count);
  send_burst(lane, pipeline, source.entry, egress, frames, burst.count, total.longest, total.bytes);
  return true;
}

u32 run_xdp(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count) {
  if (source.cold) fetch(frames, count);
  struct xdp_burst burst = make_burst(lane, source, frames, count);
  run_program(lane, *source.program, burst);
  if (carry_out_together(lane, pipeline, source, burst, frames)) return burst.bytes;
  for (u32 i = 0; i < count; ++i) carry_out(lane, pipeline, source, burst, i, frames[i]);
  end_burst(lane, pipeline, source);
  return burst.bytes;
}

u32 pass_all(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count) {
  const Total total = survey(frames, count);
  if (source.skbs) {
    if (source.cold) fetch(frames, count);
    pass_skbs(lane, pipeline, source, nullptr, frames, count);
    end_burst(lane, pipeline, source);
  } else if (source.pass_to == kNoPort) {
    lane.entry(source.entry).drop(DropReason::pass_drop, count);
    free_frames(frames, count);
  } else {
    send_burst(lane, pipeline, source.entry, source.pass_to, frames, count, total.longest, total.bytes);
  }
  return total.bytes;
}

}  // namespace

u32 process_burst(Lane& lane, const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count) noexcept {
  lane.pipeline = &pipeline;
  return source.program ? run_xdp(lane, pipeline, source, frames, count)
                        : pass_all(lane, pipeline, source, frames, count);
}

}  // namespace dataplane
