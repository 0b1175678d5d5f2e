// SPDX-License-Identifier: Apache-2.0
// flow_checker.h — per flow: what was lost, came twice, or came out of order, from sequence numbers alone.
//
// Shape     per flow the next expected number and a window of the last 64 numbers, one bit each (as IPsec's anti-replay
//           window, RFC 4303 3.4.3): a number inside the window is late if its bit is clear and a duplicate if it is
//           set.
// Threads   one.
// Cost      one cache line per packet.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace perf {

struct FlowTotals {
  std::uint64_t received = 0;    // frames, duplicates included
  std::uint64_t reordered = 0;   // came after a later one of their flow
  std::uint64_t duplicates = 0;
  std::uint64_t too_late = 0;    // more than 64 behind: reordered or a duplicate, nobody can tell
  std::uint64_t foreign = 0;     // not of this generator, or of a flow it does not have

  std::uint64_t unique() const noexcept { return received - duplicates - too_late; }
};

class FlowChecker {
 public:
  explicit FlowChecker(std::size_t flow_count) : flows_(flow_count) {}

  // Sequence numbers of a flow begin with 0.
  void see(std::uint32_t flow, std::uint64_t sequence) noexcept {
    if (flow >= flows_.size()) {
      ++totals_.foreign;
      return;
    }
    ++totals_.received;
    Flow& f = flows_[flow];
    if (sequence >= f.next) {
      const std::uint64_t ahead = sequence - f.next + 1;
      f.window = (ahead < 64 ? f.window << ahead : 0) | 1;
      f.next = sequence + 1;
      return;
    }
    const std::uint64_t behind = f.next - 1 - sequence;
    if (behind >= 64) {
      ++totals_.too_late;
    } else if (f.window >> behind & 1) {
      ++totals_.duplicates;
    } else {
      f.window |= std::uint64_t{1} << behind;
      ++totals_.reordered;
    }
  }
  void see_foreign() noexcept { ++totals_.foreign; }

  const FlowTotals& totals() const noexcept { return totals_; }

 private:
  struct Flow {
    std::uint64_t next = 0;
    std::uint64_t window = 0;  // bit i: number next - 1 - i was seen
  };
  std::vector<Flow> flows_;
  FlowTotals totals_;
};

}  // namespace perf
