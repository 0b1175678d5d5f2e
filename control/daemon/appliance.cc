// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/appliance.h"

#include <algorithm>

namespace control {
namespace {

drivers::Mempool* find_pool(const std::vector<std::unique_ptr<drivers::Mempool>>& pools, const std::string& name) {
  for (const auto& pool : pools)
    if (pool->spec().name == name) return pool.get();
  return nullptr;
}

dataplane::OnPass make_on_pass(const config::OnPass& on_pass) {
  switch (on_pass.action) {
    case config::PassAction::kForward: return dataplane::PassForward{on_pass.port};
    case config::PassAction::kHost: return dataplane::PassHost{on_pass.port};
    case config::PassAction::kDrop: break;
  }
  return dataplane::PassDrop{};
}

// Worker of each rx queue, by number. The checks of config/ saw to it that the list names each queue once.
std::vector<std::string> queue_workers(const config::Port& port, base::u32 rx_queues) {
  if (port.queues.empty()) return {};
  std::vector<std::string> workers(rx_queues);
  for (const auto& queue : port.queues)
    if (queue.id < rx_queues) workers[queue.id] = queue.worker;
  return workers;
}

dataplane::DataplaneSpec make_dataplane_spec(const config::Config& config, const Plan& plan,
                                             const std::vector<std::unique_ptr<drivers::Port>>& ports) {
  dataplane::DataplaneSpec spec;
  for (const auto& worker : plan.workers)
    spec.workers.push_back({.name = worker.name,
                            .cpu = worker.cpu,
                            .burst = worker.burst,
                            .poll = worker.adaptive ? dataplane::Poll::adaptive : dataplane::Poll::busy,
                            .max_sleep_us = base::u32(worker.max_sleep_ns / 1000)});
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const config::Port& port = config.ports[i];
    spec.ports.push_back({.port = ports[i].get(),
                          .on_pass = make_on_pass(port.on_pass),
                          .queues = queue_workers(port, ports[i]->rx_queue_count()),
                          .spread = port.spread});
  }
  return spec;
}

}  // namespace

base::Result<std::unique_ptr<Appliance>> Appliance::make(const config::Config& config, const Plan& plan,
                                                         config::Diagnostics& diagnostics) {
  std::unique_ptr<Appliance> appliance(new Appliance);
  SLUICE_TRY(appliance->eal_, drivers::Eal::start(plan.eal));
  for (const auto& pool : plan.mempools) {
    SLUICE_TRY(auto made, drivers::Mempool::make(pool).in("mempool " + pool.name));
    appliance->mempools_.push_back(std::move(made));
  }
  for (std::size_t i = 0; i < plan.ports.size(); ++i) {
    drivers::Mempool* pool = find_pool(appliance->mempools_, config.ports[i].pool);
    auto port = drivers::open_port(plan.ports[i], *pool, base::u16(plan.workers.size()));
    if (!port) {
      diagnostics.add(config::Code::kDevice, config.ports[i].at,
                      "port '" + plan.ports[i].name + "': " + port.error().what());
      return std::move(port).error();
    }
    appliance->ports_.push_back(*std::move(port));
  }
  SLUICE_TRY(appliance->dataplane_, dataplane::Dataplane::make(make_dataplane_spec(config, plan, appliance->ports_)));
  return appliance;
}

Appliance::~Appliance() { stop(); }

base::Status Appliance::start() {
  for (const auto& port : ports_) SLUICE_CHECK(port->start().in("port " + port->name()));
  return dataplane_->start();
}

void Appliance::stop() {
  if (dataplane_) dataplane_->stop();
  for (const auto& port : ports_) {
    port->stop();
    (void)port->flush();
  }
}

bool Appliance::is_drained() const {
  bool finite = false;
  for (const auto& port : ports_) {
    auto left = port->input_left();
    if (!left) continue;
    if (*left) return false;
    finite = true;
  }
  return finite;
}

}  // namespace control
