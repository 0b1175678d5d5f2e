// SPDX-License-Identifier: Apache-2.0
// memory_need.h — how many packet buffers a configuration needs, and why.
//
// Shape     a pure function of the Config: no EAL, no machine. One Need per mempool, with the sum written out.
// Cost      control path.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "config/config.h"

namespace config {

struct PoolNeed {
  std::string pool;
  std::uint32_t mbufs = 0;       // what will be made: as configured, or by the rule
  std::uint32_t mbufs_auto = 0;  // what the rule gives
  bool is_auto = true;
  std::uint64_t bytes = 0;  // objects with their headers; the pool's own tables are below 1 % of it
  std::string reason;  // "rx 1024 x 2 + tx 1024 x 2 + 2 workers x (2 x 64 burst + 384 cache), rounded up to 2^n - 1"
};

// Receive and transmit queues and descriptors of a port once every `auto` is decided.
struct QueuePlan {
  std::uint32_t rx_queues = 0;
  std::uint32_t tx_queues = 0;
  std::uint32_t rxd = 0;
  std::uint32_t txd = 0;

  bool operator==(const QueuePlan&) const = default;
};
QueuePlan plan_queues(const Config& config, const Port& port);

// In the order of config.mempools. `looped`: packets of the rx-file of each looping pcap port, by name, which its
// driver keeps in buffers; who has read the files knows.
using LoopedPackets = std::map<std::string, std::uint64_t>;
std::vector<PoolNeed> pool_needs(const Config& config, const LoopedPackets& looped = {});
std::uint64_t mbuf_bytes(const Mempool& pool);

}  // namespace config
