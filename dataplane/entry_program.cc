// SPDX-License-Identifier: Apache-2.0
#include "dataplane/entry_program.h"

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "bpf/abi/host/xdp_buff.h"
#include "bpf/runtime/runtime.h"
#include "dataplane/borders.h"
#include "dataplane/xdp_hook.h"

namespace dataplane {
namespace {

void count_run(Lane& lane, const AttachedProgram& program, u64 begin) {
  RunCounters::Slot& slot = program.slot(lane.index);
  slot.run_cnt.store(slot.run_cnt.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (begin != 0)
    slot.run_cycles.store(slot.run_cycles.load(std::memory_order_relaxed) + rte_rdtsc() - begin,
                          std::memory_order_relaxed);
}

}  // namespace

bool run_devmap_program(Lane& lane, const AttachedProgram& program, const Source& source, u32 egress_ifindex,
                        rte_mbuf* frame) noexcept {
  if (frame->nb_segs != 1) return false;
  char* const data = rte_pktmbuf_mtod(frame, char*);
  xdp_buff buff = {.data = data,
                   .data_end = data + frame->pkt_len,
                   .data_meta = data,
                   .data_hard_start = static_cast<char*>(frame->buf_addr) - kHiddenForPrograms,
                   .frame_sz = frame->buf_len + kHiddenForPrograms,
                   .ingress_ifindex = source.ifindex,
                   .rx_queue_index = 0,
                   .egress_ifindex = egress_ifindex};
  const u64 begin = lane.take_run_time ? rte_rdtsc() : 0;
  bpf_env_begin(&lane.env);
  const auto verdict = u32(bpf_prog_run(program.prog())(&buff, &lane.env, program.prog()));
  count_run(lane, program, begin);
  if (verdict != u32(Verdict::drop) && verdict != u32(Verdict::pass)) lane.entry(source.entry).xdp_exceptions.add(1);
  return verdict == u32(Verdict::pass) && write_borders(frame, static_cast<const char*>(buff.data),
                                                        static_cast<const char*>(buff.data_end)) != UINT32_MAX;
}

}  // namespace dataplane
