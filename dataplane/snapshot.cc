// SPDX-License-Identifier: Apache-2.0
#include "dataplane/snapshot.h"

#include <rte_cycles.h>

#include <chrono>
#include <thread>

namespace dataplane {
namespace {

// A worker answers between two bursts, or when it wakes: far below this unless it hangs.
constexpr auto kAnswerTime = std::chrono::milliseconds(1500);

bool wait_for_copies(const std::vector<std::unique_ptr<Worker>>& workers, u64 number) {
  const auto end = std::chrono::steady_clock::now() + kAnswerTime;
  for (const auto& worker : workers)
    while (worker->lane().published.load(std::memory_order_acquire) != number) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::yield();
    }
  return true;
}

u64 cycles_to_ns(u64 cycles) {
  return u64(__uint128_t(cycles) * 1000000000 / rte_get_tsc_hz());
}

WorkerCounters worker_counters(const Worker& worker, const LoopCounters& loop) {
  WorkerCounters out;
  out.name = worker.spec().name;
  out.cpu = worker.spec().cpu;
  out.busy_cycles = loop.busy_cycles.get();
  out.idle_cycles = loop.idle_cycles.get();
  out.sleep_ns = cycles_to_ns(loop.sleep_cycles.get());
  out.sleeps = loop.sleeps.get();
  out.polls = loop.polls.get();
  out.longest_gap_ns = cycles_to_ns(loop.longest_gap_cycles.get());
  out.trace_lines_lost = loop.trace_lines_lost.get();
  for (std::size_t i = 0; i < kBurstBuckets; ++i) out.bursts[i] = loop.bursts[i].get();
  return out;
}

// `held` gathers handed over minus taken over; single workers' differences may be negative, their sum is not.
void add_entry(EntryAccount& to, const EntryCounters& from) {
  to.received += from.received.get();
  to.received_bytes += from.received_bytes.get();
  to.cloned += from.cloned.get();
  to.originated += from.originated.get();
  to.delivered += from.delivered.get();
  to.consumed += from.consumed.get();
  to.held += from.handed_over.get() - from.taken_over.get();
  to.xdp_exceptions += from.xdp_exceptions.get();
  to.redirect_errors += from.redirect_errors.get();
  for (std::size_t i = 0; i < kVerdictCount; ++i) to.verdicts[i] += from.verdicts[i].get();
  for (std::size_t i = 0; i < kDropReasonCount; ++i) to.drops[i] += from.drops[i].get();
  for (std::size_t i = 0; i < to.sent.size(); ++i) to.sent[i] += from.sent[i].get();
}

PortCounters port_counters(const PortState& state, std::size_t port_count) {
  PortCounters out;
  out.name = state.port->name();
  out.ifindex = state.port->ifindex();
  out.link_up = state.link_up->load(std::memory_order_relaxed);
  out.admin_up = state.admin_up;
  out.mtu = state.port->mtu();
  out.entry.sent.resize(port_count);
  return out;
}

void add_lane(Snapshot& snapshot, const LaneCounters& counters) {
  for (std::size_t p = 0; p < snapshot.ports.size(); ++p) {
    add_entry(snapshot.ports[p].entry, counters.entries[p]);
    for (std::size_t d = 0; d < kTcDirections; ++d)
      for (std::size_t o = 0; o < kTcOutcomeCount; ++o)
        snapshot.ports[p].tc[d][o] += counters.entries[p].tc[d][o].get();
    snapshot.ports[p].sent_bytes += counters.sent_bytes[p].get();
  }
}

}  // namespace

Snapshot take_snapshot(const Topology& topology, const std::vector<std::unique_ptr<Worker>>& workers, Shared& shared,
                       bool running) {
  Snapshot snapshot;
  snapshot.cycles_per_second = rte_get_tsc_hz();
  for (const PortState& state : topology.ports) snapshot.ports.push_back(port_counters(state, topology.ports.size()));
  bool use_copies = false;
  if (running) {
    const u64 number = shared.snapshot_wanted.load(std::memory_order_relaxed) + 1;
    shared.snapshot_wanted.store(number, std::memory_order_release);
    snapshot.exact = use_copies = wait_for_copies(workers, number);
  }
  for (const auto& worker : workers) {
    const LaneCounters& counters = use_copies ? worker->lane().copy : worker->lane().counters;
    add_lane(snapshot, counters);
    snapshot.workers.push_back(worker_counters(*worker, counters.loop));
  }
  for (std::size_t p = 0; p < snapshot.ports.size(); ++p) {
    for (const PortCounters& from : snapshot.ports) snapshot.ports[p].sent_packets += from.entry.sent[p];
    snapshot.ports[p].device = topology.ports[p].port->stats();
  }
  return snapshot;
}

}  // namespace dataplane
