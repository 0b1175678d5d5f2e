// SPDX-License-Identifier: Apache-2.0
// traffic.h — one run: frames out of a schedule, frames back into a checker.
//
// Shape     one thread is source and sink by turns: a burst out when it is due, then bursts in until the ports are
//           empty.
// Threads   the caller's, pinned by EAL.
// Cost      about 20 ns a frame each way; the self-test prints what this machine reaches.
#pragma once

#include <cstdint>

#include "perf/gen/flow_checker.h"
#include "perf/gen/histogram.h"
#include "perf/gen/options.h"
#include "perf/gen/ports.h"

namespace perf {

struct TrafficResult {
  double seconds = 0;             // that counted, from the first frame to the last
  double tsc_hz = 0;
  std::uint64_t sent = 0;         // taken by the link
  std::uint64_t refused = 0;      // due, but the link was full
  std::uint64_t not_offered = 0;  // due while this process did not run
  std::uint64_t warmup_sent = 0;
  std::uint64_t returned_in_time = 0;  // came back within `seconds`
  FlowTotals back;                // of the whole run, warm-up included
  Histogram latency_cycles;       // of what came back in the time that counts
  std::uint64_t longest_gap_cycles = 0;  // between two polls: what the machine took from us

  std::uint64_t lost() const noexcept {
    const std::uint64_t all = sent + warmup_sent;
    return all > back.unique() ? all - back.unique() : 0;
  }
};

TrafficResult run_traffic(const GenOptions& options, const Ports& ports);

}  // namespace perf
