// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/assemble.h"

#include <sched.h>

#include <algorithm>
#include <set>

#include "config/memory_need.h"

namespace control {
namespace {

using base::u16;
using base::u32;
using base::u64;

template <class... F>
struct Overload : F... {
  using F::operator()...;
};

// A worker without `cpu` gets the lowest usable CPU that no other worker has; the main thread gives way when there are
// others.
std::vector<WorkerPlan> place_workers(const config::Config& config, const std::vector<u32>& cpus, u32 main_cpu,
                                      config::Diagnostics& diagnostics) {
  std::set<u32> taken;
  for (const auto& w : config.workers)
    if (w.cpu) taken.insert(*w.cpu);
  auto next_free = [&]() -> std::optional<u32> {
    for (u32 cpu : cpus)
      if (cpu != main_cpu && taken.insert(cpu).second) return cpu;
    if (taken.insert(main_cpu).second) return main_cpu;
    return std::nullopt;
  };

  std::vector<WorkerPlan> plans;
  for (const auto& w : config.workers) {
    auto cpu = w.cpu ? w.cpu : next_free();
    if (!cpu) {
      diagnostics.add(
          config::Code::kCpu, w.at,
          "worker '" + w.name + "': no CPU left for it (" + std::to_string(cpus.size()) + " usable, one worker each)");
      continue;
    }
    if (!std::binary_search(cpus.begin(), cpus.end(), *cpu)) {
      diagnostics.add(
          config::Code::kCpu, w.at / "cpu",
          "worker '" + w.name + "': CPU " + std::to_string(*cpu) + " is not among those this process may use");
      continue;
    }
    plans.push_back({w.name, *cpu, w.burst, w.poll == config::Poll::kAdaptive, w.max_sleep_ns});
  }
  return plans;
}

drivers::EalOptions make_eal(const config::Config& config, u32 main_cpu, const std::vector<WorkerPlan>& workers) {
  drivers::EalOptions eal;
  eal.file_prefix = config.eal.file_prefix;
  eal.main_cpu = main_cpu;
  for (const auto& w : workers) eal.worker_cpus.push_back(w.cpu);
  eal.memory = config.eal.memory_mode == config::MemoryMode::kHugepages ? drivers::EalMemory::hugepages
                                                                        : drivers::EalMemory::no_huge;
  eal.fall_back = config.eal.memory_fallback == config::MemoryFallback::kNoHuge;
  for (u64 bytes : config.eal.memory_per_socket_bytes) eal.socket_mb.push_back(u32(bytes >> 20));
  // Without hugepages DPDK takes all its memory at once: the pools, and as much again as rings, queues and EAL itself
  // want.
  u64 pool_bytes = 0;
  for (const auto& need : config::pool_needs(config)) pool_bytes += need.bytes;
  eal.no_huge_mb = std::max<u32>(128, u32(pool_bytes * 5 / 4 >> 20) + 64);
  static constexpr drivers::EalIova kIova[] = {drivers::EalIova::automatic, drivers::EalIova::virtual_,
                                               drivers::EalIova::physical};
  eal.iova = kIova[int(config.eal.iova)];
  eal.telemetry = config.telemetry.dpdk;
  for (const config::Port& port : config.ports) {
    const auto* memif = std::get_if<config::MemifPort>(&port.options);
    const bool shares_memory = memif ? memif->zero_copy : std::holds_alternative<config::VirtioUserPort>(port.options);
    eal.single_file_segments = eal.single_file_segments || shares_memory;
    if (const auto* pci = std::get_if<config::PciPort>(&port.options)) eal.pci_devices.push_back(pci->address);
  }
  eal.extra = config.eal.extra;
  return eal;
}

drivers::SocketMode socket_mode(config::SocketMode mode) {
  return mode == config::SocketMode::kServer ? drivers::SocketMode::server : drivers::SocketMode::client;
}

drivers::PortSpec make_port(const config::Config& config, const config::Port& port) {
  drivers::PortSpec spec;
  spec.name = port.name;
  spec.mtu = port.mtu;
  spec.promisc = port.promisc;
  spec.mac = port.mac;
  auto queues = config::plan_queues(config, port);
  spec.rx_queues = u16(queues.rx_queues);
  spec.tx_queues = u16(port.tx_queues.value_or(0));
  spec.rx_descriptors = u16(port.rxd.value_or(0));
  spec.tx_descriptors = u16(port.txd.value_or(0));
  using drivers::PortKind;
  std::visit(Overload{
                 [&](const config::NullPort& p) {
                   spec.kind = PortKind::null;
                   spec.options = drivers::NullOptions{.frame_bytes = p.frame_size, .receive = p.generate};
                 },
                 [&](const config::RingPort& p) {
                   spec.kind = PortKind::ring;
                   spec.options = drivers::RingOptions{.peer = p.peer, .slots = p.size};
                 },
                 [&](const config::PcapPort& p) {
                   spec.kind = PortKind::pcap;
                   spec.options = drivers::PcapOptions{.rx_file = p.rx_file, .tx_file = p.tx_file, .loop = p.loop};
                 },
                 [&](const config::TapPort& p) {
                   spec.kind = PortKind::tap;
                   spec.options = drivers::TapOptions{.interface = p.iface, .persist = p.persist};
                 },
                 [&](const config::MemifPort& p) {
                   spec.kind = PortKind::memif;
                   using Role = drivers::MemifOptions::Role;
                   spec.options =
                       drivers::MemifOptions{.socket = p.socket,
                                             .role = p.role == config::MemifRole::kServer ? Role::server : Role::client,
                                             .id = p.id,
                                             .zero_copy = p.zero_copy,
                                             .buffer_bytes = p.buffer_size,
                                             .secret = p.secret};
                 },
                 [&](const config::VhostPort& p) {
                   spec.kind = PortKind::vhost;
                   spec.options = drivers::VhostOptions{.socket = p.socket, .mode = socket_mode(p.mode)};
                 },
                 [&](const config::VirtioUserPort& p) {
                   spec.kind = PortKind::virtio_user;
                   spec.options = drivers::VirtioUserOptions{.socket = p.socket, .mode = socket_mode(p.mode)};
                 },
                 [&](const config::AfXdpPort& p) {
                   spec.kind = PortKind::af_xdp;
                   spec.options = drivers::AfXdpOptions{.interface = p.iface, .zero_copy = p.zero_copy};
                 },
                 [&](const config::AfPacketPort& p) {
                   spec.kind = PortKind::af_packet;
                   spec.options = drivers::AfPacketOptions{.interface = p.iface};
                 },
                 [&](const config::PciPort& p) {
                   spec.kind = PortKind::pci;
                   spec.options = drivers::PciOptions{.address = p.address};
                 },
             },
             port.options);
  return spec;
}

// Ports without `ifindex` get the lowest number from 1 that no other port has, in the order of the file.
void number_ports(const config::Config& config, std::vector<drivers::PortSpec>& specs) {
  std::set<u32> taken;
  for (const auto& port : config.ports)
    if (port.ifindex) taken.insert(*port.ifindex);
  u32 next = 1;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (config.ports[i].ifindex) {
      specs[i].ifindex = *config.ports[i].ifindex;
      continue;
    }
    while (!taken.insert(next).second) ++next;
    specs[i].ifindex = next;
  }
}

}  // namespace

std::vector<u32> usable_cpus() {
  cpu_set_t set;
  std::vector<u32> cpus;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {0};
  for (u32 cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  return cpus;
}

Plan assemble(const config::Config& config, const std::vector<u32>& cpus, config::Diagnostics& diagnostics) {
  Plan plan;
  const u32 main_cpu = config.eal.main_lcore.value_or(cpus.front());
  plan.workers = place_workers(config, cpus, main_cpu, diagnostics);
  plan.eal = make_eal(config, main_cpu, plan.workers);

  auto needs = config::pool_needs(config);
  for (std::size_t i = 0; i < config.mempools.size(); ++i) {
    const auto& pool = config.mempools[i];
    plan.mempools.push_back({.name = pool.name,
                             .socket = pool.socket ? int(*pool.socket) : -1,
                             .mbufs = needs[i].mbufs,
                             .data_room = pool.data_room,
                             .cache = pool.cache});
  }
  for (const auto& port : config.ports) plan.ports.push_back(make_port(config, port));
  number_ports(config, plan.ports);
  for (std::size_t i = 0; i < plan.ports.size(); ++i)
    if (auto status = drivers::check_port(plan.ports[i]); !status)
      diagnostics.add(config::Code::kDevice, config.ports[i].at, status.error().what());
  return plan;
}

}  // namespace control
