// SPDX-License-Identifier: Apache-2.0
#include "dataplane/dataplane.h"

#include <algorithm>
#include <thread>

#include "base/reclaim.h"
#include "dataplane/snapshot.h"
#include "dataplane/topology.h"
#include "dataplane/worker.h"

namespace dataplane {
namespace {

class DataplaneImpl final : public Dataplane {
 public:
  explicit DataplaneImpl(Topology topology) : topology_(std::move(topology)) {
    for (u16 i = 0; i < topology_.workers.size(); ++i)
      workers_.push_back(std::make_unique<Worker>(topology_.workers[i], i, u32(topology_.ports.size()), shared_));
    rebuild();
  }
  ~DataplaneImpl() override { DataplaneImpl::stop(); }

  base::Status start() override;
  void stop() override;
  bool running() const noexcept override { return running_; }

  base::Status attach_xdp(std::string_view port, std::shared_ptr<const AttachedProgram> program) override;
  base::Status replace_xdp(std::string_view port, std::shared_ptr<const AttachedProgram> program) override;
  base::Status detach_xdp(std::string_view port) override;
  std::shared_ptr<const AttachedProgram> attached_xdp(std::string_view port) const override;

  base::Status set_tc(std::string_view port, TcDirection direction, TcPrograms programs) override;
  TcPrograms tc(std::string_view port, TcDirection direction) const override;

  base::Status set_on_pass(std::string_view port, const OnPass& on_pass) override;
  base::Status set_admin_up(std::string_view port, bool up) override;
  base::Status register_redirect_map(const RedirectMap& map) override;
  base::Status unregister_redirect_map(u32 map_id) override;
  void add_entry_program(std::shared_ptr<const AttachedProgram> program) override;
  base::Status forget_entry_program(u32 id) override;

  void set_run_time(bool on) override { shared_.take_run_time.store(on, std::memory_order_relaxed); }
  void wait_grace_period() override { base::Reclaim::process().synchronize(); }
  Snapshot snapshot() override;
  void drain_trace(const std::function<void(u32, std::string_view)>& line) override;
  std::vector<u64> heartbeats() const override;

 private:
  base::Status launch();
  void finish();
  void rebuild();
  base::Result<PortState*> find(std::string_view port);
  void set_program(PortState& state, std::shared_ptr<const AttachedProgram> program);
  void refresh_links();

  Topology topology_;
  Shared shared_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool running_ = false;
};

base::Status DataplaneImpl::start() {
  if (running_) return base::Error(EALREADY, "the data plane runs already");
  for (PortState& state : topology_.ports) SLUICE_CHECK(state.port->start());
  refresh_links();
  shared_.phase.store(Phase::run, std::memory_order_release);
  running_ = true;
  if (base::Status status = launch(); !status) {
    finish();
    return status;
  }
  return base::success();
}

base::Status DataplaneImpl::launch() {
  for (auto& worker : workers_) SLUICE_CHECK(worker->launch());
  return base::success();
}

void DataplaneImpl::finish() {
  shared_.phase.store(Phase::end, std::memory_order_release);
  for (auto& worker : workers_) worker->join();
  for (PortState& state : topology_.ports) state.port->stop();
  running_ = false;
}

void DataplaneImpl::stop() {
  if (!running_) return;
  for (const Phase phase : {Phase::stop_receiving, Phase::drain_spread, Phase::close_cpus, Phase::drain_cpus,
                            Phase::drain_handovers}) {
    shared_.phase.store(phase, std::memory_order_release);
    for (auto& worker : workers_)
      while (!worker->has_done(phase)) std::this_thread::yield();
  }
  finish();
}

// New pipelines for all workers; the old ones go when no worker can be inside them any more.
void DataplaneImpl::rebuild() {
  std::vector<std::unique_ptr<const Pipeline>> replaced;
  for (u16 i = 0; i < workers_.size(); ++i) replaced.push_back(workers_[i]->set_pipeline(build_pipeline(topology_, i)));
  wait_grace_period();
}

base::Result<PortState*> DataplaneImpl::find(std::string_view port) {
  const u16 index = topology_.find_port(port);
  if (index == kNoPort) return base::Error(EINVAL, "no port named '" + std::string(port) + "'");
  return &topology_.ports[index];
}

void DataplaneImpl::set_program(PortState& state, std::shared_ptr<const AttachedProgram> program) {
  const auto replaced = std::exchange(state.program, std::move(program));
  rebuild();
}

base::Status DataplaneImpl::attach_xdp(std::string_view port, std::shared_ptr<const AttachedProgram> program) {
  SLUICE_TRY(PortState * state, find(port));
  if (state->program)
    return base::Error(EBUSY, "xdp on port " + std::string(port) + ": program id " +
                                  std::to_string(state->program->id()) + " is attached already");
  set_program(*state, std::move(program));
  return base::success();
}

base::Status DataplaneImpl::replace_xdp(std::string_view port, std::shared_ptr<const AttachedProgram> program) {
  SLUICE_TRY(PortState * state, find(port));
  if (!state->program) return base::Error(ENOENT, "xdp on port " + std::string(port) + ": no program is attached");
  set_program(*state, std::move(program));
  return base::success();
}

base::Status DataplaneImpl::detach_xdp(std::string_view port) {
  return replace_xdp(port, nullptr);
}

std::shared_ptr<const AttachedProgram> DataplaneImpl::attached_xdp(std::string_view port) const {
  const u16 index = topology_.find_port(port);
  return index == kNoPort ? nullptr : topology_.ports[index].program;
}

base::Status DataplaneImpl::set_tc(std::string_view port, TcDirection direction, TcPrograms programs) {
  SLUICE_TRY(PortState * state, find(port));
  if (std::max(programs.tcx.size(), programs.clsact.size()) > kTcProgramsMax)
    return base::Error(E2BIG, "tc on port " + std::string(port) + ": more than " + std::to_string(kTcProgramsMax) +
                                  " programs on one hook");
  const TcPrograms replaced = std::exchange(state->tc[std::size_t(direction)], std::move(programs));
  rebuild();
  return base::success();
}

TcPrograms DataplaneImpl::tc(std::string_view port, TcDirection direction) const {
  const u16 index = topology_.find_port(port);
  return index == kNoPort ? TcPrograms{} : topology_.ports[index].tc_of(direction);
}

base::Status DataplaneImpl::set_on_pass(std::string_view port, const OnPass& on_pass) {
  SLUICE_TRY(PortState * state, find(port));
  SLUICE_TRY(state->pass_to, resolve_on_pass(topology_, on_pass).in("port " + std::string(port)));
  rebuild();
  return base::success();
}

base::Status DataplaneImpl::set_admin_up(std::string_view port, bool up) {
  SLUICE_TRY(PortState * state, find(port));
  state->admin_up = up;
  rebuild();
  return base::success();
}

base::Status DataplaneImpl::register_redirect_map(const RedirectMap& map) {
  for (const RedirectMap& known : topology_.redirect_maps)
    if (known.map_id == map.map_id)
      return base::Error(EEXIST, "redirect map id " + std::to_string(map.map_id) + " is known already");
  if (!map.targets && !map.find_cpu)
    return base::Error(EINVAL, "redirect map id " + std::to_string(map.map_id) + " has no way to read it");
  if (map.find_cpu) SLUICE_CHECK(make_cpu_links(topology_));
  topology_.redirect_maps.push_back(map);
  rebuild();
  return base::success();
}

base::Status DataplaneImpl::unregister_redirect_map(u32 map_id) {
  if (std::erase_if(topology_.redirect_maps, [&](const RedirectMap& map) { return map.map_id == map_id; }) == 0)
    return base::Error(ENOENT, "redirect map id " + std::to_string(map_id) + " is not known");
  rebuild();
  return base::success();
}

void DataplaneImpl::add_entry_program(std::shared_ptr<const AttachedProgram> program) {
  for (const auto& known : topology_.entry_programs)
    if (known->id() == program->id()) return;
  topology_.entry_programs.push_back(std::move(program));
  rebuild();
}

base::Status DataplaneImpl::forget_entry_program(u32 id) {
  const auto same = [id](const auto& program) { return program->id() == id; };
  const auto found = std::find_if(topology_.entry_programs.begin(), topology_.entry_programs.end(), same);
  if (found == topology_.entry_programs.end())
    return base::Error(ENOENT, "program id " + std::to_string(id) + " is in no entry of a map");
  const auto forgotten = std::move(*found);  // outlives the grace period
  topology_.entry_programs.erase(found);
  rebuild();
  return base::success();
}

void DataplaneImpl::refresh_links() {
  for (PortState& state : topology_.ports) state.link_up->store(state.port->link_up(), std::memory_order_relaxed);
}

Snapshot DataplaneImpl::snapshot() {
  refresh_links();
  return take_snapshot(topology_, workers_, shared_, running_);
}

void DataplaneImpl::drain_trace(const std::function<void(u32, std::string_view)>& line) {
  std::string text;
  for (auto& worker : workers_)
    while (worker->lane().trace.try_pop(text)) line(worker->spec().cpu, text);
}

std::vector<u64> DataplaneImpl::heartbeats() const {
  std::vector<u64> beats;
  for (const auto& worker : workers_) beats.push_back(worker->lane().counters.loop.polls.get());
  return beats;
}

}  // namespace

base::Result<std::unique_ptr<Dataplane>> Dataplane::make(const DataplaneSpec& spec) {
  SLUICE_TRY(Topology topology, make_topology(spec));
  return std::unique_ptr<Dataplane>(std::make_unique<DataplaneImpl>(std::move(topology)));
}

}  // namespace dataplane
