// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/serve.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/reclaim.h"
#include "base/unique_fd.h"
#include "control/daemon/logging.h"
#include "control/daemon/port_report.h"

namespace control {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int kTickMs = 50;         // drain check, reclamation, trace lines
constexpr int kTicksPerTable = 10;  // the live table twice a second

base::UniqueFd open_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  return base::UniqueFd(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

bool is_ready(int fd) {
  pollfd one{fd, POLLIN, 0};
  return poll(&one, 1, 0) > 0;
}

// The table is redrawn in place on a terminal, and not drawn elsewhere.
class LiveTable {
 public:
  explicit LiveTable(bool wanted) : on_(wanted && isatty(STDOUT_FILENO)) {}

  void draw(const dataplane::Snapshot& now) {
    if (!on_) return;
    const auto time = Clock::now();
    const double seconds = std::chrono::duration<double>(time - drawn_at_).count();
    if (lines_) std::printf("\033[%dA\033[J", lines_);
    const std::string text = live_table(now, previous_, seconds);
    std::fputs(text.c_str(), stdout);
    std::fflush(stdout);
    lines_ = int(std::count(text.begin(), text.end(), '\n'));
    previous_ = now;
    drawn_at_ = time;
  }

 private:
  bool on_;
  int lines_ = 0;
  dataplane::Snapshot previous_;
  Clock::time_point drawn_at_ = Clock::now();
};

base::u64 left_inside(const dataplane::Snapshot& snapshot) {
  base::u64 frames = 0;
  for (const auto& port : snapshot.ports) frames += port.entry.held;
  return frames;
}

}  // namespace

void add_data_path_handlers(Server& server, Appliance& appliance) {
  server.add("port", "show", [&appliance](const Json& args, const Peer&) -> base::Result<Json> {
    const std::string wanted = args.value("name", "");
    const auto snapshot = appliance.dataplane().snapshot();
    Json ports = Json::array();
    for (std::size_t i = 0; i < snapshot.ports.size(); ++i)
      if (wanted.empty() || snapshot.ports[i].name == wanted) {
        ports.push_back(port_json(snapshot.ports[i], snapshot, *appliance.ports()[i]));
        ports.back()["programs"] = attached_json(appliance.dataplane(), snapshot.ports[i].name);
      }
    if (ports.empty()) return base::Error(ENODEV, "no port named '" + wanted + "'");
    return ports;
  });
  server.add("worker", "show", [&appliance](const Json& args, const Peer&) -> base::Result<Json> {
    const std::string wanted = args.value("name", "");
    const auto snapshot = appliance.dataplane().snapshot();
    Json workers = Json::array();
    for (const auto& worker : snapshot.workers)
      if (wanted.empty() || worker.name == wanted) workers.push_back(worker_json(worker, snapshot));
    if (workers.empty()) return base::Error(ENOENT, "no worker named '" + wanted + "'");
    return workers;
  });
}

ExitCode serve_appliance(const Serving& serving) {
  auto& dataplane = serving.appliance.dataplane();
  const base::UniqueFd signals = open_signals();
  LiveTable table(!serving.options.quiet);
  for (const int fd : {signals.get(), serving.server.fd()})
    if (auto watched = serving.bpf_server.watch(fd); !watched) {
      log_warning("serve", watched.error().what());
      return kExitFailed;
    }
  auto next_tick = Clock::now();

  for (int tick = 0;; ++tick) {
    const bool others = serving.bpf_server.poll(kTickMs);
    if (others && is_ready(signals.get())) break;
    // A client's next command wakes this loop again: what is due by the clock is not done with each of them.
    if (!others && Clock::now() < next_tick) continue;
    next_tick = Clock::now() + std::chrono::milliseconds(kTickMs);
    serving.server.poll(0);
    serving.compiler.poll();
    serving.hooks.poll();
    base::Reclaim::process().poll();
    dataplane.drain_trace([](u32 cpu, std::string_view line) { log_info("trace/cpu" + std::to_string(cpu), line); });
    if (tick % kTicksPerTable == 0) {
      table.draw(dataplane.snapshot());
      serving.bpf_server.sweep();
      serving.door.prune_pins();
    }
    if (serving.options.until_drained && serving.appliance.is_drained() && left_inside(dataplane.snapshot()) == 0)
      break;
  }

  serving.appliance.stop();
  const auto last = dataplane.snapshot();
  table.draw(last);
  if (!serving.options.quiet) std::fputs(final_accounting(last).c_str(), stdout);
  return dataplane::check_accounting(last).empty() ? kExitOk : kExitFailed;
}

}  // namespace control
