// SPDX-License-Identifier: Apache-2.0
// pacer.h — how many packets are due now, by the time stamp counter.
//
// Shape     an open loop: the schedule does not slow down when the device under test does. Packets whose time passed
//           while this process did not run are not sent in one clump: beyond `debt_max` they are dropped from the
//           schedule and counted, so that a report can say how much of the offered load was never offered.
// Threads   one.
#pragma once

#include <algorithm>
#include <cstdint>

namespace perf {

class Pacer {
 public:
  // `cycles_per_packet` 0: as fast as possible. `debt_max` packets may be made up for.
  Pacer(double cycles_per_packet, std::uint64_t now, std::uint64_t debt_max) noexcept
      : cycles_per_packet_(cycles_per_packet), start_(now), debt_max_(debt_max) {}

  std::uint64_t due(std::uint64_t now, std::uint64_t at_most) noexcept {
    if (cycles_per_packet_ <= 0) return at_most;
    const auto scheduled = static_cast<std::uint64_t>(static_cast<double>(now - start_) / cycles_per_packet_);
    std::uint64_t debt = scheduled - done_;
    if (debt > debt_max_) {
      missed_ += debt - debt_max_;
      done_ += debt - debt_max_;
      debt = debt_max_;
    }
    return std::min(debt, at_most);
  }
  void did(std::uint64_t packets) noexcept { done_ += packets; }
  std::uint64_t missed() const noexcept { return missed_; }

 private:
  double cycles_per_packet_;
  std::uint64_t start_;
  std::uint64_t debt_max_;
  std::uint64_t done_ = 0;    // sent, refused or given up
  std::uint64_t missed_ = 0;  // given up
};

}  // namespace perf
