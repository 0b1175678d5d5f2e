// SPDX-License-Identifier: Apache-2.0
// worker.h — one worker thread: poll, process, send, report quiescence, repeat; sleep when there is nothing to do.
//
// Shape     Worker owns a Lane and a pointer to the Pipeline it runs. The phases of a stop are walked by all workers
//           together: no device is polled any more; queues between workers run empty: spread first, then those of
//           cpumaps, into which nothing goes any more, then those to transmit queues; end.
// Threads   launch, join, set_pipeline: control thread. run(): an EAL lcore.
// Lifetime  a pipeline that was replaced may be freed one grace period later.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/reclaim.h"
#include "dataplane/lane.h"

namespace dataplane {

enum class Phase : u32 { run, stop_receiving, drain_spread, close_cpus, drain_cpus, drain_handovers, end };

// What all workers of a Dataplane look at.
struct Shared {
  alignas(64) std::atomic<u64> snapshot_wanted{0};
  std::atomic<Phase> phase{Phase::run};
  std::atomic<bool> take_run_time{false};
};

class Worker {
 public:
  Worker(const WorkerSpec& spec, u32 index, u32 port_count, Shared& shared);

  const WorkerSpec& spec() const noexcept { return spec_; }
  Lane& lane() noexcept { return *lane_; }
  const Lane& lane() const noexcept { return *lane_; }

  // The replaced one comes back; the caller frees it after a grace period.
  std::unique_ptr<const Pipeline> set_pipeline(std::unique_ptr<const Pipeline> pipeline);
  const Pipeline* pipeline() const noexcept { return pipeline_.load(std::memory_order_relaxed); }

  base::Status launch();
  void join();
  // The worker has reached, and where it says so finished, this phase of a stop.
  bool has_done(Phase phase) const noexcept { return done_.load(std::memory_order_acquire) >= phase; }
  ~Worker();

 private:
  void run();
  u32 poll_all(const Pipeline& pipeline, Phase phase);
  u32 poll(const Pipeline& pipeline, const Source& source);
  u32 spread(const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count);
  void note_phase(Phase phase, u32 work);
  void count_cycles(u32 work);
  void pace(u32 work);
  void sleep(u32 microseconds);

  WorkerSpec spec_;
  Shared& shared_;
  std::unique_ptr<Lane> lane_;
  std::atomic<const Pipeline*> pipeline_{nullptr};
  std::atomic<Phase> done_{Phase::run};
  base::Reclaim::Reader reader_;
  u32 source_work_ = 0;  // of the last round, without what came from other CPUs or for our transmit queues
  u32 lcore_ = 0;
  bool launched_ = false;
  u64 last_poll_cycles_ = 0;
  u32 idle_polls_ = 0;
};

}  // namespace dataplane
