// SPDX-License-Identifier: Apache-2.0
// program.h — a loaded program as a hook sees it: its entry points, what keeps them alive, what it has done so far.
//
// Threads   counters: one writer per worker slot (relaxed stores of its own numbers); stats() sums them from any
//           thread.
// Lifetime  the data path keeps a reference while any pipeline names the program and for one grace period more; the
//           last reference may be dropped on the control thread only.
#pragma once

#include <array>
#include <atomic>
#include <memory>

#include "base/types.h"
#include "bpf/abi/host/env.h"

namespace dataplane {

using base::u32;
using base::u64;

inline constexpr u32 kWorkersMax = 64;  // worker slots in every per-worker table; DPDK here has 128 lcores

struct ProgramStats {
  u64 run_cnt = 0;
  u64 run_time_ns = 0;  // only what ran while time was taken (Dataplane::set_run_time)
};

// The runs of one program, on however many ports. Worth keeping while it is attached nowhere.
class RunCounters {
 public:
  // The worker's own numbers; written by that worker only.
  struct alignas(64) Slot {
    std::atomic<u64> run_cnt{0};
    std::atomic<u64> run_cycles{0};
  };
  Slot& slot(u32 worker) noexcept { return slots_[worker]; }
  ProgramStats stats() const noexcept;

 private:
  std::array<Slot, kWorkersMax> slots_;
};

class AttachedProgram {
 public:
  // REQUIRES: prog->run is not null. `owner` keeps code and maps alive.
  AttachedProgram(const bpf_prog* prog, std::shared_ptr<const void> owner,
                  std::shared_ptr<RunCounters> counters = std::make_shared<RunCounters>())
      : prog_(prog), owner_(std::move(owner)), counters_(std::move(counters)) {}
  AttachedProgram(const AttachedProgram&) = delete;
  AttachedProgram& operator=(const AttachedProgram&) = delete;

  const bpf_prog* prog() const noexcept { return prog_; }
  u32 id() const noexcept { return prog_->id; }
  ProgramStats stats() const noexcept { return counters_->stats(); }
  RunCounters::Slot& slot(u32 worker) const noexcept { return counters_->slot(worker); }

 private:
  const bpf_prog* prog_;
  std::shared_ptr<const void> owner_;
  std::shared_ptr<RunCounters> counters_;
};

}  // namespace dataplane
