// SPDX-License-Identifier: Apache-2.0
#include "dataplane/redirect.h"

#include <algorithm>

#include "bpf/abi/flags.h"
#include "dataplane/cpu_queue.h"
#include "dataplane/entry_program.h"

namespace dataplane {
namespace {

void fail(Lane& lane, u16 entry, DropReason reason, rte_mbuf* frame) {
  lane.entry(entry).redirect_errors.add(1);
  bury(lane, entry, reason, frame);
}

const RedirectMap* find_map(const Pipeline& pipeline, u32 map_id) {
  for (const RedirectMap& map : pipeline.redirect_maps)
    if (map.map_id == map_id) return &map;
  return nullptr;
}

// To a port, by way of the entry's program if it names one (0: none).
void send_to(Lane& lane, const Pipeline& pipeline, const Source& source, u16 egress, u32 program_id, rte_mbuf* frame) {
  if (program_id == 0) return (void)post(lane, pipeline, source.entry, egress, frame);
  const AttachedProgram* program = find_entry_program(pipeline, program_id);
  if (!program) return fail(lane, source.entry, DropReason::entry_no_program, frame);
  // As Linux: what could not leave as it is does not meet the program.
  const Route& route = pipeline.routes[egress];
  if (route.up && frame->pkt_len <= route.frame_bytes_max &&
      !run_devmap_program(lane, *program, source, pipeline.stages[egress].ifindex, frame))
    return bury(lane, source.entry, DropReason::devmap_drop, frame);
  (void)post(lane, pipeline, source.entry, egress, frame);
}

// A copy that finds no buffer counts as made and lost, so that what did not arrive has a reason.
void send_copy(Lane& lane, const Pipeline& pipeline, const Source& source, u16 egress, u32 program_id,
               rte_mbuf* frame) {
  lane.entry(source.entry).cloned.add(1);
  rte_mbuf* copy = rte_pktmbuf_copy(frame, frame->pool, 0, UINT32_MAX);
  if (!copy) return lane.entry(source.entry).drop(DropReason::clone_no_mbuf);
  send_to(lane, pipeline, source, egress, program_id, copy);
}

struct Target {
  u16 port;
  u32 program_id;
};

// Ports that the entries of a map name, each once, the excluded one left out. A port that does not exist is no target.
u32 collect_targets(const Pipeline& pipeline, const RedirectMap& map, u32 excluded_ifindex, Target* targets) {
  u64 found[kPortsMax];
  const u32 entries = map.targets ? map.targets(map.map, found, kPortsMax) : 0;
  u32 count = 0;
  for (u32 i = 0; i < entries; ++i) {
    const u16 port = pipeline.ports_by_ifindex.find(u32(found[i]));
    if (port == kNoPort || u32(found[i]) == excluded_ifindex) continue;
    const auto same = [port](const Target& target) { return target.port == port; };
    if (std::none_of(targets, targets + count, same)) targets[count++] = {port, u32(found[i] >> 32)};
  }
  return count;
}

void broadcast(Lane& lane, const Pipeline& pipeline, const Source& source, const struct bpf_redirect& redirect,
               rte_mbuf* frame) {
  const RedirectMap* map = find_map(pipeline, redirect.map_id);
  if (!map) return fail(lane, source.entry, DropReason::redirect_no_map, frame);
  const u32 excluded = redirect.flags & bpf::BPF_F_EXCLUDE_INGRESS ? source.ifindex : 0;
  Target targets[kPortsMax];
  const u32 count = collect_targets(pipeline, *map, excluded, targets);
  if (count == 0) return fail(lane, source.entry, DropReason::redirect_no_target, frame);
  for (u32 i = 0; i + 1 < count; ++i) send_copy(lane, pipeline, source, targets[i].port, targets[i].program_id, frame);
  send_to(lane, pipeline, source, targets[count - 1].port, targets[count - 1].program_id, frame);
}

void to_cpu(Lane& lane, const Pipeline& pipeline, const Source& source, const struct bpf_redirect& redirect,
            rte_mbuf* frame) {
  const RedirectMap* map = find_map(pipeline, redirect.map_id);
  if (!map || !map->find_cpu) return fail(lane, source.entry, DropReason::redirect_no_map, frame);
  const u64 entry = map->find_cpu(map->map, redirect.target);
  if (entry == 0) return fail(lane, source.entry, DropReason::redirect_no_target, frame);
  if (!post_to_cpu(lane, pipeline, source.entry, redirect.target, entry, frame))
    fail(lane, source.entry, DropReason::cpumap_no_worker, frame);
}

}  // namespace

void redirect_frame(Lane& lane, const Pipeline& pipeline, const Source& source, const struct bpf_redirect& redirect,
                    rte_mbuf* frame) noexcept {
  if (redirect.kind == BPF_REDIRECT_CPU) return to_cpu(lane, pipeline, source, redirect, frame);
  // Ways to user space are not there yet: what goes there has no target.
  const bool to_device = redirect.kind == BPF_REDIRECT_IFINDEX || redirect.kind == BPF_REDIRECT_MAP;
  if (!to_device) return fail(lane, source.entry, DropReason::redirect_no_target, frame);
  if (redirect.flags & bpf::BPF_F_BROADCAST) return broadcast(lane, pipeline, source, redirect, frame);
  const u16 port = pipeline.ports_by_ifindex.find(redirect.target);
  if (port == kNoPort) return fail(lane, source.entry, DropReason::redirect_no_port, frame);
  const u32 program_id = redirect.flags & BPF_REDIRECT_ENTRY_PROG ? redirect.map_id : 0;
  send_to(lane, pipeline, source, port, program_id, frame);
}

}  // namespace dataplane
