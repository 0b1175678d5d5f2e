// SPDX-License-Identifier: Apache-2.0
// counters.h — the numbers one worker keeps: written by it alone, read by anyone.
//
// Shape     LaneCounters is an array of rows, one per port of entry, of single counters; nothing but counters, so
//           that it can be copied word by word.
// Threads   one writer; a reader that wants rows that belong together asks the worker for a copy (Lane::publish).
// Cost      a load and a store without lock prefix, per burst where the code can, else per packet.
#pragma once

#include <array>
#include <atomic>
#include <span>

#include "base/types.h"
#include "dataplane/accounting.h"
#include "dataplane/dataplane.h"

namespace dataplane {

class Counter {
 public:
  void add(u64 n) noexcept { set(get() + n); }
  void set(u64 n) noexcept { value_.store(n, std::memory_order_relaxed); }
  u64 get() const noexcept { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<u64> value_{0};
};

// Frames that entered at one port, as far as this worker touched them.
struct EntryCounters {
  Counter received;
  Counter received_bytes;
  Counter cloned;
  Counter originated;
  Counter delivered;
  Counter consumed;
  Counter handed_over;  // put into a queue to another worker
  Counter taken_over;   // taken out of one
  Counter xdp_exceptions;
  Counter redirect_errors;
  std::array<Counter, kVerdictCount> verdicts;
  std::array<std::array<Counter, kTcOutcomeCount>, kTcDirections> tc;  // of this port's hooks, whoever entered where
  std::array<Counter, kDropReasonCount> drops;
  std::array<Counter, kPortsMax> sent;

  void drop(DropReason reason, u64 count = 1) noexcept { drops[std::size_t(reason)].add(count); }
};

struct LoopCounters {
  Counter busy_cycles;
  Counter idle_cycles;
  Counter sleep_cycles;
  Counter sleeps;
  Counter polls;
  Counter longest_gap_cycles;
  Counter trace_lines_lost;
  std::array<Counter, kBurstBuckets> bursts;
};

struct LaneCounters {
  LoopCounters loop;
  std::array<Counter, kPortsMax> sent_bytes;
  std::array<EntryCounters, kPortsMax> entries;

  // The rows of ports that exist, counter by counter.
  void copy_to(LaneCounters& to, u32 port_count) const noexcept {
    const std::size_t words = (offsetof(LaneCounters, entries) + port_count * sizeof(EntryCounters)) / sizeof(Counter);
    const auto* from_words = reinterpret_cast<const Counter*>(this);
    auto* to_words = reinterpret_cast<Counter*>(&to);
    for (std::size_t i = 0; i < words; ++i) to_words[i].set(from_words[i].get());
  }
};
static_assert(sizeof(Counter) == 8 && sizeof(LaneCounters) % sizeof(Counter) == 0);

}  // namespace dataplane
