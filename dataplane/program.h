// SPDX-License-Identifier: Apache-2.0
// program.h — a loaded program as a hook sees it: its entry points, what keeps them alive, what it has done so far.
//
// Threads   counters: one writer per worker slot (relaxed stores of its own numbers); stats() sums them from any
//           thread.
// Lifetime  the data path keeps a reference while any pipeline names the program and for one grace period more; the
//           last reference may be dropped on the control thread only.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "base/types.h"
#include "bpf/abi/host/env.h"
#include "bpf/abi/insn.h"

namespace dataplane {

using base::u32;
using base::u64;

inline constexpr u32 kWorkersMax = 64;  // worker slots in every per-worker table; DPDK here has 128 lcores

struct ProgramStats {
  u64 run_cnt = 0;
  u64 run_time_ns = 0;  // only what ran while time was taken (Dataplane::set_run_time)
};

// Whether a program, as PROG_LOAD gave it, can tell where its frame's buffer begins and ends or where its metadata
// lies, or can move the borders. True when in doubt (tail calls, kfuncs, a load that may be of data_meta).
bool moves_borders(std::span<const bpf::bpf_insn> insns);

class AttachedProgram {
 public:
  // REQUIRES: prog->run is not null. `owner` keeps code and maps alive. `moves_borders` false promises that no run ever
  // reads or writes data_meta, data_hard_start, frame_sz, nor moves data or data_end: see moves_borders() below.
  AttachedProgram(const bpf_prog* prog, std::shared_ptr<const void> owner, bool moves_borders = true)
      : prog_(prog), owner_(std::move(owner)), moves_borders_(moves_borders) {}
  AttachedProgram(const AttachedProgram&) = delete;
  AttachedProgram& operator=(const AttachedProgram&) = delete;

  const bpf_prog* prog() const noexcept { return prog_; }
  u32 id() const noexcept { return prog_->id; }
  bool moves_borders() const noexcept { return moves_borders_; }
  ProgramStats stats() const noexcept;

  // The worker's own numbers; written by that worker only.
  struct alignas(64) Slot {
    std::atomic<u64> run_cnt{0};
    std::atomic<u64> run_cycles{0};
  };
  Slot& slot(u32 worker) const noexcept { return slots_[worker]; }

 private:
  const bpf_prog* prog_;
  std::shared_ptr<const void> owner_;
  bool moves_borders_;
  mutable std::vector<Slot> slots_ = std::vector<Slot>(kWorkersMax);
};

}  // namespace dataplane
