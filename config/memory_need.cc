// SPDX-License-Identifier: Apache-2.0
#include "config/memory_need.h"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <iterator>

namespace config {
namespace {

// Of each kind, by index of the variant's alternative: what its driver takes when the file says auto, and whether it
// holds packets of our pool beyond a burst.
struct KindNeed {
  std::uint32_t descriptors;  // of each queue
  bool holds_rx;              // receive descriptors are filled with mbufs beforehand
  bool holds_tx;              // sent mbufs wait to be taken by the other side
};
constexpr KindNeed kKindNeeds[] = {
    {512, false, false},  // null: frees at once
    {0, false, true},     // ring: its slots, counted by size
    {512, false, false},  // pcap: copied into the file
    {256, true, false},   // tap: one mbuf per receive descriptor; sending copies
    {1024, true, true},   // memif: zero-copy fills both rings; copying needs bursts only, and may be switched
    {512, false, false},  // vhost: copied into and out of the machine's memory
    {256, true, true},    // virtio_user: the other end copies into and out of our mbufs
    {2048, true, true},   // af_xdp: the kernel holds as many of each queue, whatever the file says
    {512, false, false},  // af_packet: copied into and out of the kernel's ring
    {1024, true, true},   // pci
};
static_assert(std::size(kKindNeeds) == std::variant_size_v<PortOptions>);

constexpr std::uint32_t kObjectHeaderBytes = 64;  // of a mempool object
constexpr std::uint32_t kMbufHeaderBytes = 128;   // struct rte_mbuf
constexpr std::uint32_t kMbufPrivateBytes = 256;  // second half of XDP's headroom, and room for a socket buffer
constexpr std::uint32_t kCacheLineBytes = 64;
// A worker has at most a burst being received, one being sent on each side, and one on its way to another worker.
constexpr std::uint32_t kBurstsHeld = 4;
// Packets handed from worker to worker for one port by software spread, dataplane's bound.
constexpr std::uint32_t kHandoverSlots = 1024;
// 21 MiB with the usual data-room: less would save nothing, and a stalled reader has something to stall with.
constexpr std::uint32_t kMbufsMin = 8191;

std::uint32_t needed_slots(const Config& config, const Port& port) {
  const KindNeed& kind = kKindNeeds[port.options.index()];
  const QueuePlan plan = plan_queues(config, port);
  std::uint32_t slots = 0;
  if (kind.holds_rx) slots += plan.rxd * plan.rx_queues;
  if (kind.holds_tx) slots += plan.txd * plan.tx_queues;
  if (port.spread.size() > 1) slots += kHandoverSlots * static_cast<std::uint32_t>(port.spread.size());
  return slots;
}

std::string count_text(std::uint64_t count, const char* noun) {
  return std::to_string(count) + " " + noun + (count == 1 ? "" : "s");
}

std::string port_reason(const Config& config, const Port& port) {
  const KindNeed& kind = kKindNeeds[port.options.index()];
  const QueuePlan plan = plan_queues(config, port);
  std::string text;
  if (kind.holds_rx) text += " + rx " + std::to_string(plan.rxd) + " x " + count_text(plan.rx_queues, "queue");
  if (kind.holds_tx) text += " + tx " + std::to_string(plan.txd) + " x " + count_text(plan.tx_queues, "queue");
  if (port.spread.size() > 1) {
    text += " + spread " + std::to_string(kHandoverSlots) + " x " + count_text(port.spread.size(), "worker");
  }
  return text.empty() ? text : " + " + port.name + " (" + text.substr(3) + ")";
}

}  // namespace

QueuePlan plan_queues(const Config& config, const Port& port) {
  const KindNeed& kind = kKindNeeds[port.options.index()];
  const auto* ring = std::get_if<RingPort>(&port.options);
  const std::uint32_t descriptors = ring ? ring->size : kind.descriptors;
  std::uint32_t listed = 1;
  for (const QueueWorker& queue : port.queues) listed = std::max(listed, queue.id + 1);
  QueuePlan plan;
  plan.rx_queues = port.rx_queues.value_or(listed);
  plan.tx_queues = port.tx_queues.value_or(static_cast<std::uint32_t>(config.workers.size()));
  plan.rxd = port.rxd.value_or(descriptors);
  plan.txd = port.txd.value_or(descriptors);
  return plan;
}

std::uint64_t mbuf_bytes(const Mempool& pool) {
  const std::uint64_t bytes = std::uint64_t{kObjectHeaderBytes} + kMbufHeaderBytes + kMbufPrivateBytes + pool.data_room;
  return (bytes + kCacheLineBytes - 1) / kCacheLineBytes * kCacheLineBytes;
}

std::vector<PoolNeed> pool_needs(const Config& config, const LoopedPackets& looped) {
  std::vector<PoolNeed> needs;
  for (const Mempool& pool : config.mempools) {
    std::uint64_t sum = 0;
    std::string reason;
    for (const Worker& worker : config.workers) {
      // A mempool cache holds up to one and a half times its size before it gives back.
      sum += std::uint64_t{worker.burst} * kBurstsHeld + pool.cache * 3 / 2;
    }
    const auto workers = config.workers.size();
    reason = count_text(workers, "worker") + " x (" + std::to_string(kBurstsHeld) + " bursts + " +
             std::to_string(pool.cache * 3 / 2) + " cached)";
    for (const Port& port : config.ports) {
      if (port.pool != pool.name) continue;
      sum += needed_slots(config, port);
      reason += port_reason(config, port);
      const auto loop = looped.find(port.name);
      if (loop == looped.end()) continue;
      // Twice: the driver leaves half of the pool to others.
      sum += 2 * loop->second;
      reason += " + " + port.name + " (2 x " + count_text(loop->second, "looped packet") + ")";
    }
    PoolNeed need;
    need.pool = pool.name;
    // One less than a power of two is what the ring inside a mempool holds without waste.
    const std::uint64_t rounded = std::bit_ceil(std::max<std::uint64_t>(sum, kMbufsMin) + 1) - 1;
    need.mbufs_auto = static_cast<std::uint32_t>(std::min<std::uint64_t>(rounded, UINT32_MAX));
    need.is_auto = !pool.mbufs;
    need.mbufs = pool.mbufs.value_or(need.mbufs_auto);
    need.bytes = need.mbufs * mbuf_bytes(pool);
    need.reason = reason + " = " + std::to_string(sum) +
                  (sum < kMbufsMin ? ", at least " + std::to_string(kMbufsMin) : ", rounded up to 2^n - 1");
    needs.push_back(std::move(need));
  }
  return needs;
}

}  // namespace config
