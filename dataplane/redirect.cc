// SPDX-License-Identifier: Apache-2.0
#include "dataplane/redirect.h"

#include <algorithm>

#include "bpf/abi/flags.h"

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

// A copy that finds no buffer counts as made and lost, so that what did not arrive has a reason.
void post_copy(Lane& lane, const Pipeline& pipeline, u16 entry, u16 egress, rte_mbuf* frame) {
  lane.entry(entry).cloned.add(1);
  rte_mbuf* copy = rte_pktmbuf_copy(frame, frame->pool, 0, UINT32_MAX);
  if (!copy) return lane.entry(entry).drop(DropReason::clone_no_mbuf);
  (void)post(lane, pipeline, entry, egress, copy);
}

// Ports that the entries of a map name, each once, the excluded one left out. A port that does not exist is no target.
u32 collect_ports(const Pipeline& pipeline, const RedirectMap& map, u32 excluded_ifindex, u16* ports) {
  u32 ifindexes[kPortsMax];
  const u32 entries = map.targets(map.map, ifindexes, kPortsMax);
  u32 count = 0;
  for (u32 i = 0; i < entries; ++i) {
    const u16 port = pipeline.ports_by_ifindex.find(ifindexes[i]);
    if (port == kNoPort || ifindexes[i] == excluded_ifindex) continue;
    if (std::find(ports, ports + count, port) == ports + count) ports[count++] = port;
  }
  return count;
}

void broadcast(Lane& lane, const Pipeline& pipeline, const Source& source, const struct bpf_redirect& redirect,
               rte_mbuf* frame) {
  const RedirectMap* map = find_map(pipeline, redirect.map_id);
  if (!map) return fail(lane, source.entry, DropReason::redirect_no_map, frame);
  const u32 excluded = redirect.flags & bpf::BPF_F_EXCLUDE_INGRESS ? source.ifindex : 0;
  u16 ports[kPortsMax];
  const u32 count = collect_ports(pipeline, *map, excluded, ports);
  if (count == 0) return fail(lane, source.entry, DropReason::redirect_no_target, frame);
  for (u32 i = 0; i + 1 < count; ++i) post_copy(lane, pipeline, source.entry, ports[i], frame);
  (void)post(lane, pipeline, source.entry, ports[count - 1], frame);
}

}  // namespace

void redirect_frame(Lane& lane, const Pipeline& pipeline, const Source& source, const struct bpf_redirect& redirect,
                    rte_mbuf* frame) noexcept {
  // Ways to other workers and to user space are not there yet: what goes there has no target.
  const bool to_device = redirect.kind == BPF_REDIRECT_IFINDEX || redirect.kind == BPF_REDIRECT_MAP;
  if (!to_device) return fail(lane, source.entry, DropReason::redirect_no_target, frame);
  if (redirect.flags & bpf::BPF_F_BROADCAST) return broadcast(lane, pipeline, source, redirect, frame);
  const u16 port = pipeline.ports_by_ifindex.find(redirect.target);
  if (port == kNoPort) return fail(lane, source.entry, DropReason::redirect_no_port, frame);
  (void)post(lane, pipeline, source.entry, port, frame);
}

}  // namespace dataplane
