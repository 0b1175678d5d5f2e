// SPDX-License-Identifier: Apache-2.0
// topology.h — a DataplaneSpec with every name resolved and every queue placed: what pipelines are built from.
//
// Shape     worker w transmits on queue w of a port that has so many; on other ports it hands over to worker w mod
//           queues. Queues between two workers have one producer and one consumer each, per port and direction.
// Threads   control thread; `link_up` is read by workers.
// Lifetime  as long as the Dataplane.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "base/result.h"
#include "dataplane/dataplane.h"
#include "dataplane/pipeline.h"

namespace dataplane {

// A bounded queue of frames between two workers; frees what is left in it.
class FrameRing {
 public:
  static base::Result<FrameRing> make(u32 slots = kHandoverSlots);
  FrameRing(FrameRing&& other) noexcept : ring_(std::exchange(other.ring_, nullptr)) {}
  FrameRing& operator=(FrameRing&&) = delete;
  ~FrameRing();
  rte_ring* raw() const noexcept { return ring_; }

 private:
  explicit FrameRing(rte_ring* ring) : ring_(ring) {}
  rte_ring* ring_;
};

struct WorkerLink {
  u16 from;
  u16 to;
  FrameRing ring;
};

struct PortState {
  drivers::Port* port = nullptr;
  u16 pass_to = kNoPort;
  bool admin_up = true;
  std::vector<u16> queue_worker;  // by rx queue
  std::vector<u16> spread;        // workers that share the flows
  std::vector<WorkerLink> spread_links;
  std::vector<WorkerLink> handover_links;
  std::shared_ptr<const AttachedProgram> program;
  std::array<TcPrograms, kTcDirections> tc;

  const TcPrograms& tc_of(TcDirection direction) const noexcept { return tc[std::size_t(direction)]; }
  std::unique_ptr<std::atomic<bool>> link_up = std::make_unique<std::atomic<bool>>(true);
};

struct Topology {
  std::vector<WorkerSpec> workers;
  std::vector<PortState> ports;
  std::vector<RedirectMap> redirect_maps;
  std::vector<WorkerLink> cpu_links;  // between all pairs, and from each worker to itself; none before they are needed
  std::vector<std::shared_ptr<const AttachedProgram>> entry_programs;

  u16 find_port(std::string_view name) const noexcept;    // kNoPort: none
  u16 find_worker(std::string_view name) const noexcept;  // kNoPort: none
};

// The queues that cpumaps need, unless they are there.
base::Status make_cpu_links(Topology& topology);
base::Result<Topology> make_topology(const DataplaneSpec& spec);
// The port index that an on-pass names; kNoPort for drop.
base::Result<u16> resolve_on_pass(const Topology& topology, const OnPass& on_pass);
std::unique_ptr<const Pipeline> build_pipeline(const Topology& topology, u16 worker);

}  // namespace dataplane
