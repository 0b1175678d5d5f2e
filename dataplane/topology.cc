// SPDX-License-Identifier: Apache-2.0
#include "dataplane/topology.h"

#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <set>

namespace dataplane {
namespace {

constexpr u32 kMaxSleepUs = 1000000;

std::string names(const auto& items, const auto& name_of) {
  std::string text;
  for (const auto& item : items) text += (text.empty() ? "" : ", ") + name_of(item);
  return text.empty() ? "none" : text;
}

base::Error no_worker(const Topology& topology, const std::string& name) {
  return base::Error(EINVAL, "no worker named '" + name + "' (have: " +
                                 names(topology.workers, [](const WorkerSpec& w) { return w.name; }) + ")");
}

base::Status check_workers(const std::vector<WorkerSpec>& workers) {
  if (workers.empty()) return base::Error(EINVAL, "no worker is given");
  if (workers.size() > kWorkersMax) return base::Error(E2BIG, "more than " + std::to_string(kWorkersMax) + " workers");
  std::set<std::string> seen_names;
  std::set<u32> seen_cpus;
  for (const WorkerSpec& worker : workers) {
    const std::string where = "worker " + worker.name + ": ";
    if (!seen_names.insert(worker.name).second) return base::Error(EINVAL, where + "the name is given twice");
    if (!seen_cpus.insert(worker.cpu).second)
      return base::Error(EINVAL, where + "cpu " + std::to_string(worker.cpu) + " is taken by another worker");
    if (worker.burst == 0 || worker.burst > kBurstMax)
      return base::Error(EINVAL, where + "burst must be 1 to " + std::to_string(kBurstMax));
    if (worker.max_sleep_us == 0 || worker.max_sleep_us > kMaxSleepUs)
      return base::Error(EINVAL, where + "max-sleep must be 1 us to 1 s");
  }
  return base::success();
}

base::Status check_ports(const std::vector<PortPlan>& ports) {
  if (ports.size() > kPortsMax) return base::Error(E2BIG, "more than " + std::to_string(kPortsMax) + " ports");
  std::set<std::string> seen_names;
  std::set<u32> seen_ifindexes;
  for (const PortPlan& plan : ports) {
    const std::string where = "port " + plan.port->name() + ": ";
    if (!seen_names.insert(plan.port->name()).second) return base::Error(EINVAL, where + "the name is given twice");
    if (!seen_ifindexes.insert(plan.port->ifindex()).second)
      return base::Error(EINVAL,
                         where + "ifindex " + std::to_string(plan.port->ifindex()) + " is another port's as well");
  }
  return base::success();
}

base::Status resolve_workers(const Topology& topology, const std::vector<std::string>& names,
                             std::vector<u16>& workers) {
  for (const std::string& name : names) {
    const u16 worker = topology.find_worker(name);
    if (worker == kNoPort) return no_worker(topology, name);
    workers.push_back(worker);
  }
  return base::success();
}

// Queues without a named worker go round all workers, the ports one after another.
base::Status place_queues(const Topology& topology, const PortPlan& plan, u32& next_worker, PortState& state) {
  const u16 count = plan.port->rx_queue_count();
  if (plan.queues.empty()) {
    for (u16 q = 0; q < count; ++q) state.queue_worker.push_back(u16(next_worker++ % topology.workers.size()));
    return base::success();
  }
  if (plan.queues.size() != count)
    return base::Error(
        EINVAL, std::to_string(plan.queues.size()) + " queues are placed, the port has " + std::to_string(count));
  return resolve_workers(topology, plan.queues, state.queue_worker);
}

base::Status add_link(std::vector<WorkerLink>& links, u16 from, u16 to) {
  for (const WorkerLink& link : links)
    if (link.from == from && link.to == to) return base::success();
  SLUICE_TRY(FrameRing ring, FrameRing::make());
  links.push_back({from, to, std::move(ring)});
  return base::success();
}

base::Status make_links(const Topology& topology, PortState& state) {
  for (const u16 from : state.queue_worker)
    for (const u16 to : state.spread)
      if (from != to) SLUICE_CHECK(add_link(state.spread_links, from, to));
  const u16 queues = state.port->tx_queue_count();
  for (u16 worker = queues; worker < topology.workers.size(); ++worker)
    SLUICE_CHECK(add_link(state.handover_links, worker, u16(worker % queues)));
  return base::success();
}

base::Result<PortState> make_port_state(const Topology& topology, const PortPlan& plan, u32& next_worker) {
  PortState state;
  state.port = plan.port;
  SLUICE_CHECK(place_queues(topology, plan, next_worker, state).in("queues"));
  SLUICE_CHECK(resolve_workers(topology, plan.spread, state.spread).in("spread"));
  if (std::set(state.spread.begin(), state.spread.end()).size() != state.spread.size())
    return base::Error(EINVAL, "spread: a worker is named twice");
  if (state.spread.size() == 1 && state.spread[0] == state.queue_worker[0] && state.queue_worker.size() == 1)
    state.spread.clear();
  SLUICE_CHECK(make_links(topology, state));
  return state;
}

rte_ring* find_ring(const std::vector<WorkerLink>& links, u16 from, u16 to) {
  for (const WorkerLink& link : links)
    if (link.from == from && link.to == to) return link.ring.raw();
  return nullptr;
}

Route build_route(const PortState& state, u16 worker) {
  const u16 queues = state.port->tx_queue_count();
  Route route;
  route.up = state.admin_up;
  route.device = state.port->id();
  route.mtu = state.port->mtu();
  route.frame_bytes_max = state.port->mtu() + 14 + 4;  // Ethernet header and one VLAN tag
  route.link_up = state.link_up.get();
  if (worker < queues) {
    route.kind = Route::Kind::device;
    route.queue = worker;
  } else {
    route.kind = Route::Kind::handover;
    route.ring = find_ring(state.handover_links, worker, u16(worker % queues));
  }
  return route;
}

PortStage build_stage(const PortState& state, u16 worker) {
  PortStage stage;
  stage.ingress = make_tc_chain(state.tc_of(TcDirection::ingress), worker);
  stage.egress = make_tc_chain(state.tc_of(TcDirection::egress), worker);
  stage.ifindex = state.port->ifindex();
  stage.pass_to = state.pass_to;
  stage.mac = state.port->mac();
  return stage;
}

Source build_source(const Topology& topology, u16 port, u16 worker) {
  const PortState& state = topology.ports[port];
  Source source;
  source.device = state.port->id();
  source.entry = port;
  source.pass_to = state.pass_to;
  source.burst = u16(topology.workers[worker].burst);
  source.ifindex = state.port->ifindex();
  source.cold = !state.port->copies_on_receive();
  source.program = state.program.get();
  source.skbs = !state.tc_of(TcDirection::ingress).empty() ||
                (state.pass_to != kNoPort && !topology.ports[state.pass_to].tc_of(TcDirection::egress).empty());
  return source;
}

Source build_cpu_source(const Topology& topology, u16 port, u16 worker) {
  Source source = build_source(topology, port, worker);
  source.cold = source.by_cpumap = true;
  source.program = nullptr;
  return source;
}

void add_cpu_queues(const Topology& topology, u16 worker, Pipeline& pipeline) {
  for (const WorkerLink& link : topology.cpu_links) {
    if (link.from == worker) pipeline.cpus.push_back({topology.workers[link.to].cpu, link.ring.raw()});
    if (link.to == worker) pipeline.cpus_in.push_back(link.ring.raw());
  }
}

void add_device_sources(const Topology& topology, u16 port, u16 worker, Pipeline& pipeline) {
  const PortState& state = topology.ports[port];
  if (!state.admin_up) return;
  for (u16 q = 0; q < state.queue_worker.size(); ++q) {
    if (state.queue_worker[q] != worker) continue;
    Source source = build_source(topology, port, worker);
    source.queue = q;
    for (const u16 to : state.spread) source.spread.push_back(find_ring(state.spread_links, worker, to));
    pipeline.sources.push_back(std::move(source));
  }
}

// Frames that are on their way when a port goes down still arrive.
void add_ring_sources(const Topology& topology, u16 port, u16 worker, Pipeline& pipeline) {
  for (const WorkerLink& link : topology.ports[port].spread_links) {
    if (link.to != worker) continue;
    Source source = build_source(topology, port, worker);
    source.ring = link.ring.raw();
    source.cold = true;
    pipeline.sources.push_back(std::move(source));
  }
}

}  // namespace

base::Result<FrameRing> FrameRing::make(u32 slots) {
  static u32 serial = 0;
  const std::string name = "sluice-frames-" + std::to_string(serial++);
  rte_ring* ring = rte_ring_create(name.c_str(), slots, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
  if (!ring) return base::Error(rte_errno, "no memory for a queue between two workers");
  return FrameRing(ring);
}

FrameRing::~FrameRing() {
  if (!ring_) return;
  void* frame = nullptr;
  while (rte_ring_dequeue(ring_, &frame) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(frame));
  rte_ring_free(ring_);
}

u16 Topology::find_port(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < ports.size(); ++i)
    if (ports[i].port->name() == name) return u16(i);
  return kNoPort;
}

u16 Topology::find_worker(std::string_view name) const noexcept {
  for (std::size_t i = 0; i < workers.size(); ++i)
    if (workers[i].name == name) return u16(i);
  return kNoPort;
}

base::Result<u16> resolve_on_pass(const Topology& topology, const OnPass& on_pass) {
  const std::string* name = nullptr;
  if (const auto* forward = std::get_if<PassForward>(&on_pass)) name = &forward->port;
  if (const auto* host = std::get_if<PassHost>(&on_pass)) name = &host->port;
  if (!name) return u16(kNoPort);
  const u16 port = topology.find_port(*name);
  if (port != kNoPort) return port;
  return base::Error(EINVAL, "on-pass: no port named '" + *name + "' (have: " +
                                 names(topology.ports, [](const PortState& p) { return p.port->name(); }) + ")");
}

base::Result<Topology> make_topology(const DataplaneSpec& spec) {
  SLUICE_CHECK(check_workers(spec.workers));
  SLUICE_CHECK(check_ports(spec.ports));
  Topology topology;
  topology.workers = spec.workers;
  u32 next_worker = 0;
  for (const PortPlan& plan : spec.ports) {
    auto state = make_port_state(topology, plan, next_worker).in("port " + plan.port->name());
    if (!state) return std::move(state).error();
    topology.ports.push_back(*std::move(state));
  }
  for (std::size_t i = 0; i < spec.ports.size(); ++i) {
    SLUICE_TRY(topology.ports[i].pass_to,
               resolve_on_pass(topology, spec.ports[i].on_pass).in("port " + spec.ports[i].port->name()));
  }
  return topology;
}

base::Status make_cpu_links(Topology& topology) {
  if (!topology.cpu_links.empty()) return base::success();
  std::vector<WorkerLink> links;
  for (u16 from = 0; from < topology.workers.size(); ++from)
    for (u16 to = 0; to < topology.workers.size(); ++to) {
      SLUICE_TRY(FrameRing ring, FrameRing::make(kCpuQueueSlots));
      links.push_back({from, to, std::move(ring)});
    }
  topology.cpu_links = std::move(links);
  return base::success();
}

std::unique_ptr<const Pipeline> build_pipeline(const Topology& topology, u16 worker) {
  auto pipeline = std::make_unique<Pipeline>();
  for (u16 port = 0; port < topology.ports.size(); ++port) {
    const PortState& state = topology.ports[port];
    add_device_sources(topology, port, worker, *pipeline);
    add_ring_sources(topology, port, worker, *pipeline);
    pipeline->routes[port] = build_route(state, worker);
    pipeline->from_cpus[port] = build_cpu_source(topology, port, worker);
    pipeline->stages[port] = build_stage(state, worker);
    pipeline->ports_by_ifindex.insert(state.port->ifindex(), port);
    for (const WorkerLink& link : state.handover_links)
      if (link.to == worker) pipeline->handovers_in.push_back(link.ring.raw());
    if (state.program) pipeline->programs.push_back(state.program);
    for (const TcPrograms& programs : state.tc)
      for (const auto* list : {&programs.tcx, &programs.clsact})
        pipeline->programs.insert(pipeline->programs.end(), list->begin(), list->end());
  }
  add_cpu_queues(topology, worker, *pipeline);
  pipeline->redirect_maps = topology.redirect_maps;
  pipeline->entry_programs = topology.entry_programs;
  return pipeline;
}

}  // namespace dataplane
