// SPDX-License-Identifier: Apache-2.0
// accounting.h — what became of every packet: the counters of all workers, added up for one reader.
//
// Shape     per port of entry: received + cloned + originated = sent (by egress port) + drops (by reason) + delivered
//           + consumed + held. Each worker's part closes by itself at every burst boundary; a Snapshot adds parts that
//           form one consistent cut, so `held` (frames on their way between two workers) is never negative.
// Threads   plain values. They are made by Dataplane::snapshot().
// Cost      a few stores per burst in the path; a snapshot copies (ports^2 + ports * reasons) numbers per worker.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/types.h"
#include "dataplane/drops.h"
#include "dataplane/tc_chain.h"
#include "drivers/port.h"

namespace dataplane {

using base::s64;
using base::u16;
using base::u32;
using base::u64;

enum class Verdict : base::u8 { aborted, drop, pass, tx, redirect };
inline constexpr std::size_t kVerdictCount = 5;
inline constexpr std::array<std::string_view, kVerdictCount> kVerdictNames = {"aborted", "drop", "pass", "tx",
                                                                              "redirect"};

// Everything that happened to the frames that entered at one port.
struct EntryAccount {
  u64 received = 0;
  u64 received_bytes = 0;
  u64 cloned = 0;  // copies asked for by broadcast; one that found no buffer is in drops as well
  u64 originated = 0;
  std::vector<u64> sent;  // by egress port
  std::array<u64, kDropReasonCount> drops{};
  u64 delivered = 0;                          // to sockets and user rings
  u64 consumed = 0;                           // taken by a program for good (TC_ACT_STOLEN and its like)
  u64 held = 0;                               // between two workers at this moment
  std::array<u64, kVerdictCount> verdicts{};  // of the XDP program; unknown ones count as aborted
  u64 xdp_exceptions = 0;                     // hits of the xdp_exception trace point
  u64 redirect_errors = 0;                    // hits of the xdp_redirect_err trace point

  u64 entered() const noexcept { return received + cloned + originated; }
  u64 left() const noexcept;  // sent + drops + delivered + consumed + held
  u64 dropped() const noexcept;
};

struct PortCounters {
  std::string name;
  u32 ifindex = 0;
  bool link_up = false;
  bool admin_up = true;
  u32 mtu = 0;
  EntryAccount entry;
  std::array<std::array<u64, kTcOutcomeCount>, kTcDirections> tc{};  // ends of this port's TC hooks, by direction
  u64 sent_packets = 0;  // by any worker, from any entry, to this port
  u64 sent_bytes = 0;
  drivers::PortStats device;  // what the driver says
};

inline constexpr std::size_t kBurstBuckets = 8;  // 0, 1, 2-3, 4-7, 8-15, 16-31, 32-63, 64
struct WorkerCounters {
  std::string name;
  u32 cpu = 0;
  u64 busy_cycles = 0;  // iterations that found work
  u64 idle_cycles = 0;  // iterations that found none
  u64 sleep_ns = 0;
  u64 sleeps = 0;
  u64 polls = 0;
  u64 longest_gap_ns = 0;                   // between two polls, voluntary sleep not counted
  std::array<u64, kBurstBuckets> bursts{};  // histogram of frames per non-empty receive, bucket 0: empty polls
  u64 trace_lines_lost = 0;
};

struct Snapshot {
  std::vector<PortCounters> ports;
  std::vector<WorkerCounters> workers;
  u64 cycles_per_second = 0;
  bool exact = true;  // false: a worker did not answer in time, its numbers are from different moments

  const PortCounters* find_port(std::string_view name) const noexcept;
};

// Empty if the law holds for every port of entry, else one sentence per port that breaks it, with the figures.
std::string check_accounting(const Snapshot& snapshot);

}  // namespace dataplane
