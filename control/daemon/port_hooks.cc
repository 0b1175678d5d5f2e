// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/port_hooks.h"

#include <algorithm>

namespace control {
namespace {

u32 devmap_targets(const void* map, u64* entries, u32 max) {
  const auto* devmap = static_cast<const bpf_id_map*>(map);
  u32 count = 0;
  for (u32 i = 0; i < devmap->map.shape.max_entries && count < max; ++i)
    if (const u64 entry = __atomic_load_n(&devmap->entries[i], __ATOMIC_RELAXED)) entries[count++] = entry;
  return count;
}

u64 cpumap_entry(const void* map, u32 cpu) {
  const auto* cpumap = static_cast<const bpf_id_map*>(map);
  return cpu < cpumap->map.shape.max_entries ? __atomic_load_n(&cpumap->entries[cpu], __ATOMIC_ACQUIRE) : 0;
}

}  // namespace

base::Status DataplaneHooks::connect(dataplane::Dataplane& dataplane,
                                     std::span<const std::unique_ptr<drivers::Port>> ports,
                                     const std::map<std::string, u32>& ifindexes, bool run_time) {
  dataplane_ = &dataplane;
  ports_ = ports;
  for (const auto& [name, ifindex] : ifindexes) names_[ifindex] = name;
  always_timed_ = run_time;
  if (run_time) dataplane.set_run_time(true);
  for (const auto& [id, map] : device_maps_) SLUICE_CHECK(tell(id, map));
  for (const auto& [id, program] : entry_programs_)
    if (const auto alive = program.lock()) dataplane.add_entry_program(attached(alive));
  return base::success();
}

base::Result<std::string> DataplaneHooks::find_port(u32 ifindex) const {
  const auto name = names_.find(ifindex);
  if (dataplane_ && name != names_.end()) return name->second;
  return base::Error(ENODEV, "there is no port with ifindex " + std::to_string(ifindex));
}

base::Status DataplaneHooks::set_xdp(u32 ifindex, const std::shared_ptr<Program>& program) {
  SLUICE_TRY(const std::string port, find_port(ifindex));
  if (!program) return dataplane_->detach_xdp(port);
  if (dataplane_->attached_xdp(port)) return dataplane_->replace_xdp(port, attached(program));
  return dataplane_->attach_xdp(port, attached(program));
}

std::vector<PortState> DataplaneHooks::states() const {
  std::vector<PortState> out;
  if (!dataplane_) return out;
  const auto snapshot = dataplane_->snapshot();
  for (std::size_t i = 0; i < snapshot.ports.size() && i < ports_.size(); ++i) {
    const dataplane::PortCounters& port = snapshot.ports[i];
    u64 dropped = 0;
    for (const u64 count : port.entry.drops) dropped += count;
    out.push_back({port.ifindex, port.name, ports_[i]->mac(), port.mtu, ports_[i]->rx_queue_count(),
                   ports_[i]->tx_queue_count(), port.admin_up, port.link_up, port.entry.received,
                   port.entry.received_bytes, dropped, port.sent_packets, port.sent_bytes});
  }
  std::ranges::sort(out, {}, &PortState::ifindex);
  return out;
}

base::Status DataplaneHooks::set_tc(u32 ifindex, TcHook hook,
                                    const std::vector<std::shared_ptr<Program>>& programs) {
  SLUICE_TRY(const std::string port, find_port(ifindex));
  const bool is_tcx = hook == TcHook::tcx_ingress || hook == TcHook::tcx_egress;
  const bool is_ingress = hook == TcHook::tcx_ingress || hook == TcHook::clsact_ingress;
  const auto direction = is_ingress ? dataplane::TcDirection::ingress : dataplane::TcDirection::egress;
  dataplane::TcPrograms all = dataplane_->tc(port, direction);
  auto& list = is_tcx ? all.tcx : all.clsact;
  list.clear();
  for (const auto& program : programs) list.push_back(attached(program));
  return dataplane_->set_tc(port, direction, std::move(all));
}

void DataplaneHooks::use_in_entries(const std::shared_ptr<Program>& program) {
  entry_programs_[program->id()] = program;
  if (dataplane_) dataplane_->add_entry_program(attached(program));
}

void DataplaneHooks::want_run_time(bool on) {
  if (dataplane_) dataplane_->set_run_time(on || always_timed_);
}

std::shared_ptr<dataplane::AttachedProgram> DataplaneHooks::attached(const std::shared_ptr<Program>& program) {
  Runs& runs = runs_[program->id()];
  runs.program = program;
  if (!runs.counters) runs.counters = std::make_shared<dataplane::RunCounters>();
  auto attached = runs.attached.lock();
  if (!attached) {
    attached = std::make_shared<dataplane::AttachedProgram>(program->prog(), program, runs.counters);
    runs.attached = attached;
  }
  return attached;
}

void DataplaneHooks::add_device_map(const std::shared_ptr<Map>& map) {
  const auto [row, added] = device_maps_.insert_or_assign(map->id(), DeviceMap{map, map->live_memory()});
  if (dataplane_) (void)tell(row->first, row->second);
}

base::Status DataplaneHooks::tell(u32 id, const DeviceMap& map) {
  dataplane::RedirectMap redirect = {.map_id = id, .map = map.memory->head()};
  if (map.memory->spec().type == bpf::BPF_MAP_TYPE_CPUMAP)
    redirect.find_cpu = cpumap_entry;
  else
    redirect.targets = devmap_targets;
  return dataplane_->register_redirect_map(redirect);
}

RunStats DataplaneHooks::run_stats(u32 program_id) const {
  const auto row = runs_.find(program_id);
  if (row == runs_.end()) return {};
  const auto stats = row->second.counters->stats();
  return {stats.run_cnt, stats.run_time_ns};
}

void DataplaneHooks::poll() {
  // What only the data path still has, no entry names and no client holds.
  std::erase_if(entry_programs_, [this](const auto& row) {
    if (row.second.use_count() > 1) return false;
    if (dataplane_) (void)dataplane_->forget_entry_program(row.first);
    return true;
  });
  std::erase_if(runs_, [](const auto& row) { return row.second.program.expired(); });
  std::erase_if(device_maps_, [this](const auto& row) {
    if (!row.second.map.expired()) return false;
    if (dataplane_) (void)dataplane_->unregister_redirect_map(row.first);
    return true;
  });
}

}  // namespace control
