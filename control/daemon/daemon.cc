// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/daemon.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>

#include "base/memory.h"
#include "base/reclaim.h"
#include "config/load.h"
#include "control/bpf_server.h"
#include "control/daemon/appliance.h"
#include "control/daemon/check_report.h"
#include "control/daemon/compiler.h"
#include "control/daemon/logging.h"
#include "control/daemon/port_hooks.h"
#include "control/daemon/programs.h"
#include "control/daemon/serve.h"
#include "control/perf_map.h"
#include "control/show.h"
#include "control/show_links.h"

namespace control {
namespace {

// Devices as the file numbers them: known before any port is open, so that --check sees what start will see.
class PlannedDevices final : public DeviceTable {
 public:
  explicit PlannedDevices(const Plan& plan) : plan_(plan) {}
  bool has_ifindex(u32 ifindex) const override { return find(ifindex) != nullptr; }
  u32 rx_queue_count(u32 ifindex) const override {
    const auto* port = find(ifindex);
    return port ? port->rx_queues : 0;
  }
  std::vector<std::pair<u32, std::string>> names() const override {
    std::vector<std::pair<u32, std::string>> out;
    for (const auto& port : plan_.ports) out.emplace_back(port.ifindex, port.name);
    return out;
  }

 private:
  const drivers::PortSpec* find(u32 ifindex) const {
    for (const auto& port : plan_.ports)
      if (port.ifindex == ifindex) return &port;
    return nullptr;
  }
  const Plan& plan_;
};

// One configuration on its way from the file to running workers. Members die in the opposite order: workers before
// programs, programs before the compiler.
class Run {
 public:
  explicit Run(const DaemonOptions& options) : options_(options) {}
  // From here on links that die leave the data path alone.
  ~Run() { hooks_.disconnect(); }

  ExitCode execute() {
    if (auto code = read(); code != kExitOk) return code;
    if (auto code = prepare(); code != kExitOk) return code;
    if (options_.check) return report_check();
    if (auto code = start(); code != kExitOk) return code;
    return serve_appliance({options_, *appliance_, *server_, *bpf_server_, *door_, *compiler_, hooks_});
  }

 private:
  config::Diagnostics& diagnostics() { return loaded_.diagnostics; }

  // Says what there is to say; EX_CONFIG if there were errors.
  ExitCode tell() {
    if (options_.check && options_.json)
      std::puts(config::render_json(diagnostics()).c_str());
    else
      std::fputs(config::render_text(diagnostics()).c_str(), stderr);
    return diagnostics().ok() ? kExitOk : kExitConfig;
  }

  ExitCode read() {
    loaded_ = config::load(options_.config_path);
    if (!loaded_.ok()) return tell();
    set_up_logging(loaded_.config->log);
    base::MemoryBudget::process().set_limit(loaded_.config->limits.maps_memory_bytes);
    plan_ = assemble(*loaded_.config, usable_cpus(), diagnostics());
    plan_.eal.extra.insert(plan_.eal.extra.end(), options_.eal_arguments.begin(), options_.eal_arguments.end());
    plan_.eal.log = log_eal_line;
    return diagnostics().ok() ? kExitOk : tell();
  }

  ExitCode prepare() {
    auto compiler = Compiler::make(compiler_options());
    if (!compiler) return fail(kExitInternal, compiler.error());
    compiler_ = *std::move(compiler);
    if (loaded_.config->jit.perf_map && !options_.check) {
      auto perf_map = PerfMap::open();
      if (perf_map)
        perf_map_ = *std::move(perf_map);
      else
        log_warning("jit", perf_map.error().what() + "; perf will not know the names of programs");
    }
    door_ = std::make_unique<Door>(door_config());
    if (!options_.check)
      if (auto status = door_->open_pin_folder(); !status) return fail(kExitUnavailable, status.error());
    programs_ = load_programs(*loaded_.config, *door_, diagnostics());
    if (diagnostics().ok()) fill_maps(*loaded_.config, plan_, *door_, programs_, diagnostics());
    planned_ = find_attachments(*loaded_.config, programs_, diagnostics());
    figures_ = measure_memory(*loaded_.config, plan_, programs_.map_bytes());
    judge_memory(figures_, *loaded_.config, diagnostics());
    return diagnostics().ok() ? kExitOk : tell();
  }

  // --check makes no code but the first, and leaves no file behind.
  CompilerOptions compiler_options() {
    const config::Jit& jit = loaded_.config->jit;
    CompilerOptions options;
    options.background = jit.background && !options_.check;
    options.first_tier = jit.background ? bpf::jit::Tier::quick : bpf::jit::Tier::optimised;
    if (jit.cache && !options_.check && !options_.no_cache) options.cache_folder = jit.cache_folder;
    options.cache_bytes = jit.cache_bytes;
    options.on_code = [this](const Program& program) { note_code(program); };
    options.cpus = usable_cpus();
    for (const WorkerPlan& worker : plan_.workers) std::erase(options.cpus, worker.cpu);
    return options;
  }

  DoorConfig door_config() {
    DoorConfig config;
    config.build = [this](const bpf::builder::BuildRequest& request) { return compiler_->build(request); };
    config.improve = [this](const std::shared_ptr<Program>& program, bpf::LoweredProgram lowered) {
      compiler_->improve(program, std::move(lowered));
    };
    config.retire = [](std::shared_ptr<void> object) { base::Reclaim::process().retire([object] {}); };
    config.on_code = [this](const Program& program) { note_code(program); };
    config.devices = &devices_;
    config.ports = &hooks_;
    config.on_device_map = [this](const std::shared_ptr<Map>& map) { hooks_.add_device_map(map); };
    config.run_stats = [this](u32 id) { return hooks_.run_stats(id); };
    config.pin_root = loaded_.config->pins.root;
    config.limits.programs_max = loaded_.config->limits.programs;
    config.limits.maps_memory_bytes_max = loaded_.config->limits.maps_memory_bytes;
    return config;
  }

  void note_code(const Program& program) {
    if (perf_map_) perf_map_->add(program);
  }

  ExitCode report_check() {
    const ExitCode code = tell();
    if (options_.json) return code;
    for (const auto& [item, object] : programs_.objects)
      for (const auto& program : object.programs) {
        const auto& info = program.program->info();
        std::printf("program    %s/%s: accepted, %zu instructions, %u verified in %.1f ms\n", item->name.c_str(),
                    program.name.c_str(), info.xlated.size(), info.verify.verified_insns,
                    double(info.verify.verify_ns) / 1e6);
      }
    std::fputs(memory_report(figures_, *loaded_.config).c_str(), stdout);
    std::printf("%s: ok\n", options_.config_path.c_str());
    return code;
  }

  ExitCode start() {
    if (auto code = tell(); code != kExitOk) return code;  // warnings
    auto appliance = Appliance::make(*loaded_.config, plan_, diagnostics());
    if (!appliance) return fail_start(appliance.error());
    appliance_ = *std::move(appliance);
    if (auto status = attach(); !status) return fail_start(status.error());
    if (auto status = listen(); !status) return fail_start(status.error());
    if (auto status = appliance_->start(); !status) return fail_start(status.error());
    return kExitOk;
  }

  // Each attachment of the file is a link, as if a client had made it, but for those of clsact.
  base::Status attach() {
    std::map<std::string, u32> ifindexes;
    for (const auto& port : plan_.ports) ifindexes[port.name] = port.ifindex;
    const auto& programs = loaded_.config->programs;
    const bool run_time = std::ranges::any_of(programs, [](const auto& program) { return program.stats; });
    SLUICE_CHECK(hooks_.connect(appliance_->dataplane(), appliance_->ports(), ifindexes, run_time));
    for (const auto& planned : planned_)
      SLUICE_CHECK(attach(planned, ifindexes.at(planned.port))
                       .in("attach '" + planned.program->info().name + "' to port " + planned.port));
    return base::success();
  }

  // clsact has no links: the whole list stands there until the end.
  base::Status attach(const PlannedAttachment& planned, u32 ifindex) {
    if (planned.hook == config::Hook::kClsactIngress || planned.hook == config::Hook::kClsactEgress) {
      auto& list = clsact_[{ifindex, planned.hook}];
      list.push_back(planned.program);
      const bool in = planned.hook == config::Hook::kClsactIngress;
      return hooks_.set_tc(ifindex, in ? TcHook::clsact_ingress : TcHook::clsact_egress, list);
    }
    const u32 type = planned.hook == config::Hook::kXdp          ? bpf::BPF_XDP
                     : planned.hook == config::Hook::kTcxIngress ? bpf::BPF_TCX_INGRESS
                                                                 : bpf::BPF_TCX_EGRESS;
    SLUICE_TRY(auto link, door_->attach(ifindex, type, planned.program));
    links_.push_back(std::move(link));
    return base::success();
  }

  base::Status listen() {
    std::error_code error;
    std::filesystem::create_directories(std::filesystem::path(options_.socket_path).parent_path(), error);
    SLUICE_TRY(server_, Server::listen({.path = options_.socket_path}).in("control socket " + options_.socket_path));
    const std::string bpf_path = options_.socket_path + ".bpf";
    SLUICE_TRY(bpf_server_, BpfServer::listen({.path = bpf_path}, *door_).in("socket of bpf clients " + bpf_path));
    add_object_handlers(*server_, *door_);
    add_link_handlers(*server_, *door_);
    add_data_path_handlers(*server_, *appliance_);
    return base::success();
  }

  static ExitCode fail(ExitCode code, const base::Error& error) {
    std::fprintf(stderr, "sluiced: %s\n", error.what().c_str());
    return code;
  }

  // What could not be opened is told at its place in the file if it has one.
  ExitCode fail_start(const base::Error& error) {
    const ExitCode code = error.code() == EPERM || error.code() == EACCES ? kExitNoPermission : kExitUnavailable;
    if (diagnostics().ok()) return fail(code, error);
    (void)tell();
    return code;
  }

  const DaemonOptions& options_;
  config::Result loaded_;
  Plan plan_;
  PlannedDevices devices_{plan_};
  DataplaneHooks hooks_;
  std::unique_ptr<PerfMap> perf_map_;
  std::unique_ptr<Compiler> compiler_;
  std::unique_ptr<Door> door_;
  LoadedPrograms programs_;
  std::vector<PlannedAttachment> planned_;
  MemoryFigures figures_;
  std::unique_ptr<Appliance> appliance_;
  std::vector<Handle> links_;
  std::map<std::pair<u32, config::Hook>, std::vector<std::shared_ptr<Program>>> clsact_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<BpfServer> bpf_server_;
};

}  // namespace

ExitCode run_daemon(const DaemonOptions& options) {
  const ExitCode code = Run(options).execute();
  base::Reclaim::process().poll();
  return code;
}

}  // namespace control
