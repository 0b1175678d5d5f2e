// SPDX-License-Identifier: Apache-2.0
#include "perf/gen/traffic.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <array>
#include <memory>

#include "perf/gen/frame.h"
#include "perf/gen/pacer.h"

namespace perf {
namespace {

constexpr std::uint16_t kBurstMax = 256;
// A millisecond's worth at 1 Mpps: what is made up for after the host took the CPU away for that long.
constexpr std::uint64_t kDebtMax = 1024;

class Run {
 public:
  Run(const GenOptions& options, const Ports& ports)
      : o_(options), ports_(ports), checker_(options.flows), next_(options.flows), hz_(double(rte_get_tsc_hz())) {}

  TrafficResult go() {
    r_->tsc_hz = hz_;
    phase(o_.warmup_s, r_->warmup_sent, false);
    const std::uint64_t start = rte_rdtsc();
    phase(o_.duration_s, r_->sent, true);
    r_->seconds = double(rte_rdtsc() - start) / hz_;
    measuring_ = false;
    drain();
    r_->back = checker_.totals();
    return *r_;
  }

 private:
  void phase(double seconds, std::uint64_t& sent, bool measured) {
    std::uint64_t now = rte_rdtsc();
    const std::uint64_t end = now + static_cast<std::uint64_t>(seconds * hz_);
    Pacer pacer(o_.rate_mpps > 0 ? hz_ / (o_.rate_mpps * 1e6) : 0, now, kDebtMax);
    measuring_ = measured;
    std::uint64_t before = now;
    for (; now < end; now = rte_rdtsc()) {
      if (measured) r_->longest_gap_cycles = std::max(r_->longest_gap_cycles, now - before);
      before = now;
      const auto due = static_cast<std::uint16_t>(pacer.due(now, o_.burst));
      if (due > 0) {
        const std::uint16_t taken = send(due);
        sent += taken;
        // A paced source offers each frame once; one as fast as possible offers it again.
        if (measured && o_.rate_mpps > 0) r_->refused += due - taken;
        pacer.did(due);
      }
      receive();
    }
    if (measured) r_->not_offered = pacer.missed();
  }

  std::uint16_t send(std::uint16_t count) {
    if (rte_pktmbuf_alloc_bulk(ports_.pool(), out_.data(), count) != 0) return 0;
    const std::uint64_t now = rte_rdtsc();
    const std::uint32_t first_flow = flow_;
    for (std::uint16_t i = 0; i < count; ++i) {
      const std::uint16_t bytes = o_.sizes[size_at_];
      if (++size_at_ == o_.sizes.size()) size_at_ = 0;
      rte_mbuf* m = out_[i];
      m->data_len = bytes;
      m->pkt_len = bytes;
      write_frame(rte_pktmbuf_mtod(m, std::uint8_t*), bytes, {Stamp::kMagic, flow_, next_[flow_]++, now});
      if (++flow_ == o_.flows) flow_ = 0;
    }
    const std::uint16_t taken = rte_eth_tx_burst(ports_.ids().front(), 0, out_.data(), count);
    if (taken < count) take_back(first_flow, taken, count);
    return taken;
  }

  // Frames the link refused were never sent: their numbers are used again.
  void take_back(std::uint32_t first_flow, std::uint16_t taken, std::uint16_t count) {
    for (std::uint16_t i = taken; i < count; ++i) --next_[(first_flow + i) % o_.flows];
    flow_ = (first_flow + taken) % o_.flows;
    rte_pktmbuf_free_bulk(out_.data() + taken, count - taken);
  }

  bool receive() {
    bool any = false;
    for (std::uint16_t id : ports_.ids()) {
      const std::uint16_t count = rte_eth_rx_burst(id, 0, in_.data(), kBurstMax);
      if (count == 0) continue;
      any = true;
      const std::uint64_t now = rte_rdtsc();
      for (std::uint16_t i = 0; i < count; ++i) check(in_[i], now);
      rte_pktmbuf_free_bulk(in_.data(), count);
    }
    return any;
  }

  void check(const rte_mbuf* m, std::uint64_t now) {
    const auto stamp = read_stamp({rte_pktmbuf_mtod(m, const std::uint8_t*), m->data_len});
    if (!stamp) {
      checker_.see_foreign();
      return;
    }
    checker_.see(stamp->flow, stamp->sequence);
    if (!measuring_) return;
    ++r_->returned_in_time;
    r_->latency_cycles.add(now - stamp->tsc);
  }

  void drain() {
    std::uint64_t quiet_since = rte_rdtsc();
    const auto patience = static_cast<std::uint64_t>(o_.drain_s * hz_);
    const std::uint64_t end = quiet_since + 10 * patience;
    while (rte_rdtsc() - quiet_since < patience && rte_rdtsc() < end)
      if (receive()) quiet_since = rte_rdtsc();
  }

  const GenOptions& o_;
  const Ports& ports_;
  FlowChecker checker_;
  std::vector<std::uint64_t> next_;  // sequence number of each flow
  const double hz_;
  std::unique_ptr<TrafficResult> r_ = std::make_unique<TrafficResult>();
  std::uint32_t flow_ = 0;
  std::size_t size_at_ = 0;
  bool measuring_ = false;
  std::array<rte_mbuf*, kBurstMax> out_{};
  std::array<rte_mbuf*, kBurstMax> in_{};
};

}  // namespace

TrafficResult run_traffic(const GenOptions& options, const Ports& ports) { return Run(options, ports).go(); }

}  // namespace perf
