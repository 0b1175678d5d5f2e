// SPDX-License-Identifier: Apache-2.0
// ring_port.cc — two ports in one process, back to back: rings of mbuf pointers under DPDK's net_ring. No frame is
// copied: what one port sends is the very buffer that its peer receives.
//
// Shape     a RingLink holds one ring per queue and direction; both ports share it, the last one drains it. ports a
//           and b (a < b): rings[0] carry a -> b, rings[1] b -> a. A port that is its own peer has one direction.
#include <rte_eth_ring.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "drivers/eth_port.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 16;  // RTE_PMD_RING_MAX_RX_RINGS as DPDK was built
constexpr u32 kSlotsMax = 1u << 16;

struct RingLink {
  std::vector<rte_ring*> rings[2];
  std::string ends[2];
  bool open[2] = {};

  RingLink() = default;
  RingLink(const RingLink&) = delete;
  ~RingLink() {
    for (auto& direction : rings)
      for (rte_ring* ring : direction) {
        void* mbuf = nullptr;
        while (rte_ring_dequeue(ring, &mbuf) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
        rte_ring_free(ring);
      }
  }
};

base::Result<std::shared_ptr<RingLink>> make_link(const std::string& a, const std::string& b, u16 queues, u32 slots) {
  auto link = std::make_shared<RingLink>();
  link->ends[0] = a;
  link->ends[1] = b;
  static u32 serial = 0;  // ring names have 28 characters, port names more
  const u32 number = serial++;
  for (int direction = 0; direction < (a == b ? 1 : 2); ++direction)
    for (u16 q = 0; q < queues; ++q) {
      const std::string name = "sl" + std::to_string(number) + (direction ? "r" : "f") + std::to_string(q);
      rte_ring* ring = rte_ring_create(name.c_str(), slots, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
      if (!ring) return base::Error(ENOMEM, "no memory for a ring of " + std::to_string(slots) + " slots");
      link->rings[direction].push_back(ring);
    }
  return link;
}

// Links by their two ends, while at least one port holds them.
class LinkTable {
 public:
  base::Result<std::shared_ptr<RingLink>> join(const std::string& self, const std::string& peer, u16 queues,
                                               u32 slots) {
    const std::lock_guard lock(mutex_);
    const auto [a, b] = std::minmax(self, peer);
    std::shared_ptr<RingLink> link = links_[{a, b}].lock();
    if (!link) {
      SLUICE_TRY(link, make_link(a, b, queues, slots));
      links_[{a, b}] = link;
    }
    const std::size_t have = link->rings[0].size();
    if (have != queues)
      return base::Error(
          EINVAL, "has " + std::to_string(queues) + " queues, its peer " + peer + " has " + std::to_string(have));
    const int end = self == link->ends[0] ? 0 : 1;
    if (link->open[end]) return base::Error(EEXIST, "is open already");
    link->open[end] = true;
    return link;
  }

  void leave(const std::string& self, RingLink& link) {
    const std::lock_guard lock(mutex_);
    link.open[self == link.ends[0] ? 0 : 1] = false;
  }

 private:
  std::mutex mutex_;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<RingLink>> links_;
};

LinkTable& link_table() {
  static LinkTable table;
  return table;
}

class RingPort final : public EthPort {
 public:
  RingPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan, std::shared_ptr<RingLink> link)
      : EthPort(std::move(spec), pool, std::move(device), plan), link_(std::move(link)) {}
  ~RingPort() override { link_table().leave(name(), *link_); }

  // Up while the peer is open: frames sent to a port that nobody reads would only wait.
  bool link_up() const override {
    return started() && link_->open[0] && (link_->open[1] || link_->ends[0] == link_->ends[1]);
  }

 private:
  std::shared_ptr<RingLink> link_;  // outlives the device: the base class stops polling first
};

}  // namespace

base::Status check_ring_port(const PortSpec& spec) {
  const auto* options = std::get_if<RingOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind ring");
  if (options->peer.empty()) return base::Error(EINVAL, "peer names no port");
  if (options->slots < 64 || options->slots > kSlotsMax || (options->slots & (options->slots - 1)))
    return base::Error(EINVAL, "slots " + std::to_string(options->slots) + " is not a power of two in 64 to " +
                                   std::to_string(kSlotsMax));
  return check_paired_queues(spec, kQueuesMax);
}

base::Result<std::unique_ptr<Port>> open_ring_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<RingOptions>(spec.options);
  const u16 queues = spec.rx_queues;
  SLUICE_TRY(std::shared_ptr<RingLink> link, link_table().join(spec.name, options.peer, queues, options.slots));
  const bool first = spec.name == link->ends[0];
  const bool loop = spec.name == options.peer;
  auto& tx = link->rings[first ? 0 : 1];
  auto& rx = link->rings[loop ? 0 : first ? 1 : 0];
  const int id = rte_eth_from_rings(spec.name.c_str(), rx.data(), queues, tx.data(), queues, SOCKET_ID_ANY);
  if (id < 0) {
    link_table().leave(spec.name, *link);
    return device_error(EEXIST, "driver refused the rings");
  }
  EthDevice device = EthDevice::adopt("net_ring_" + spec.name, u16(id));
  const QueuePlan plan = {.rx_queues = queues, .tx_queues = queues};
  return finish_open(std::make_unique<RingPort>(spec, pool, std::move(device), plan, std::move(link)));
}

}  // namespace drivers
