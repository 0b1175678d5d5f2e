// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/port_report.h"

#include <fmt/format.h>

namespace control {

using base::u64;
using dataplane::PortCounters;
using dataplane::Snapshot;

namespace {
constexpr std::pair<const char*, dataplane::TcDirection> kDirections[] = {
    {"ingress", dataplane::TcDirection::ingress}, {"egress", dataplane::TcDirection::egress}};
}

Json port_json(const PortCounters& port, const Snapshot& snapshot, const drivers::Port& device) {
  const auto& entry = port.entry;
  Json verdicts, drops = Json::object(), sent_to = Json::object(), tc;
  for (std::size_t i = 0; i < dataplane::kVerdictCount; ++i)
    verdicts[std::string(dataplane::kVerdictNames[i])] = entry.verdicts[i];
  for (std::size_t i = 0; i < dataplane::kTcOutcomeCount; ++i)
    for (const auto& [name, direction] : kDirections)
      tc[name][std::string(dataplane::kTcOutcomeNames[i])] = port.tc[std::size_t(direction)][i];
  for (std::size_t i = 0; i < dataplane::kDropReasonCount; ++i)
    if (entry.drops[i]) drops[std::string(dataplane::kDropReasons[i].name)] = entry.drops[i];
  for (std::size_t i = 0; i < entry.sent.size(); ++i)
    if (entry.sent[i]) sent_to[snapshot.ports[i].name] = entry.sent[i];
  return {{"name", port.name},
          {"kind", drivers::port_kind_name(device.spec().kind)},
          {"ifindex", port.ifindex},
          {"mtu", port.mtu},
          {"mac", drivers::format_mac(device.mac())},
          {"up", port.admin_up},
          {"link", port.link_up},
          {"rx_queues", device.rx_queue_count()},
          {"tx_queues", device.tx_queue_count()},
          {"received", {{"packets", entry.received}, {"bytes", entry.received_bytes}}},
          {"transmitted", {{"packets", port.sent_packets}, {"bytes", port.sent_bytes}}},
          {"verdicts", verdicts},
          {"tc", tc},
          {"accounting",
           {{"received", entry.received},
            {"cloned", entry.cloned},
            {"originated", entry.originated},
            {"sent", sent_to},
            {"dropped", drops},
            {"delivered", entry.delivered},
            {"consumed", entry.consumed},
            {"held", entry.held},
            {"closes", entry.entered() == entry.left()}}},
          {"device",
           {{"rx_missed", port.device.rx_missed},
            {"rx_errors", port.device.rx_errors},
            {"rx_nombuf", port.device.rx_nombuf},
            {"tx_errors", port.device.tx_errors}}}};
}

Json attached_json(const dataplane::Dataplane& dataplane, const std::string& port) {
  Json hooks = Json::object();
  if (const auto xdp = dataplane.attached_xdp(port)) hooks["xdp"] = {xdp->id()};
  for (const auto& [name, direction] : kDirections) {
    const auto programs = dataplane.tc(port, direction);
    for (const auto& program : programs.tcx) hooks[std::string("tcx-") + name].push_back(program->id());
    for (const auto& program : programs.clsact) hooks[std::string("clsact-") + name].push_back(program->id());
  }
  return hooks;
}

Json worker_json(const dataplane::WorkerCounters& worker, const Snapshot& snapshot) {
  const u64 cycles = worker.busy_cycles + worker.idle_cycles;
  return {{"name", worker.name},
          {"cpu", worker.cpu},
          {"polls", worker.polls},
          {"busy_cycles", worker.busy_cycles},
          {"idle_cycles", worker.idle_cycles},
          {"cycles_per_second", snapshot.cycles_per_second},
          {"busy_percent", cycles ? 100.0 * double(worker.busy_cycles) / double(cycles) : 0.0},
          {"sleeps", worker.sleeps},
          {"sleep_ns", worker.sleep_ns},
          {"longest_gap_ns", worker.longest_gap_ns},
          {"burst_histogram", worker.bursts},
          {"trace_lines_lost", worker.trace_lines_lost}};
}

std::string live_table(const Snapshot& now, const Snapshot& previous, double seconds) {
  std::string text = fmt::format("{:<12} {:>12} {:>10} {:>10} {:>10} {:>10} {:>10} {:>12} {:>10}\n", "port", "received",
                                 "pass", "drop", "tx", "redirect", "aborted", "transmitted", "kpps in");
  for (std::size_t i = 0; i < now.ports.size(); ++i) {
    const auto& port = now.ports[i];
    const auto& v = port.entry.verdicts;
    const u64 before = i < previous.ports.size() ? previous.ports[i].entry.received : 0;
    const double kpps = seconds > 0 ? double(port.entry.received - before) / seconds / 1e3 : 0.0;
    text += fmt::format("{:<12} {:>12} {:>10} {:>10} {:>10} {:>10} {:>10} {:>12} {:>10.1f}\n", port.name,
                        port.entry.received, v[2], v[1], v[3], v[4], v[0], port.sent_packets, kpps);
  }
  return text;
}

std::string final_accounting(const Snapshot& snapshot) {
  std::string text = "accounting (every packet, by port of entry)\n";
  for (const auto& port : snapshot.ports) {
    const auto& entry = port.entry;
    if (!entry.entered()) continue;
    text += fmt::format("  {}: received {}", port.name, entry.received);
    if (entry.cloned) text += fmt::format(" + cloned {}", entry.cloned);
    if (entry.originated) text += fmt::format(" + originated {}", entry.originated);
    text += "\n";
    for (std::size_t i = 0; i < entry.sent.size(); ++i)
      if (entry.sent[i]) text += fmt::format("    {:>10}  sent to {}\n", entry.sent[i], snapshot.ports[i].name);
    for (std::size_t i = 0; i < dataplane::kDropReasonCount; ++i)
      if (entry.drops[i])
        text += fmt::format("    {:>10}  dropped: {} ({})\n", entry.drops[i], dataplane::kDropReasons[i].name,
                            dataplane::kDropReasons[i].sentence);
    if (entry.delivered) text += fmt::format("    {:>10}  delivered\n", entry.delivered);
    if (entry.consumed) text += fmt::format("    {:>10}  consumed by programs\n", entry.consumed);
    if (entry.held) text += fmt::format("    {:>10}  held\n", entry.held);
  }
  const std::string broken = dataplane::check_accounting(snapshot);
  text += broken.empty() ? "  the accounting closes\n" : "  THE ACCOUNTING DOES NOT CLOSE: " + broken + "\n";
  return text;
}

}  // namespace control
