// SPDX-License-Identifier: Apache-2.0
// ports.h — EAL and the ports of perf/gen: one receive and one transmit queue each.
//
// Lifetime  Ports stops and closes what it opened; EAL ends with the process.
// Errors    Result, with the device's name and what DPDK said.
#pragma once

#include <rte_mempool.h>

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "perf/gen/options.h"

namespace perf {

class Ports {
 public:
  static base::Result<Ports> open(const GenOptions& options);
  Ports(Ports&& other) noexcept : ids_(std::move(other.ids_)), pool_(other.pool_) { other.ids_.clear(); }
  Ports& operator=(Ports&&) = delete;
  ~Ports();

  const std::vector<std::uint16_t>& ids() const noexcept { return ids_; }
  rte_mempool* pool() const noexcept { return pool_; }
  // True when every link is up within the time; some kinds come up only when their peer is there.
  bool wait_for_links(double seconds) const;

 private:
  Ports(std::vector<std::uint16_t> ids, rte_mempool* pool) : ids_(std::move(ids)), pool_(pool) {}

  std::vector<std::uint16_t> ids_;
  rte_mempool* pool_;
};

}  // namespace perf
