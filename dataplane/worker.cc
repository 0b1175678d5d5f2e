// SPDX-License-Identifier: Apache-2.0
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_pause.h>
#include <rte_ring.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <ctime>

#include "bpf/runtime/default_host.h"
#include "bpf/runtime/runtime.h"
#include "dataplane/cpu_queue.h"
#include "dataplane/host.h"
#include "dataplane/spread.h"
#include "dataplane/xdp_hook.h"
#include "drivers/eal.h"

namespace dataplane {
namespace {

// Empty polls before the first sleep: with ~50 ns each about 25 us, longer than the gaps of a flow that is worth
// staying awake for.
constexpr u32 kIdlePollsMax = 512;
constexpr u32 kFirstSleepUs = 4;

u32 burst_bucket(u32 frames) {
  return frames == 0 ? 0 : u32(std::bit_width(frames));
}
static_assert(kBurstMax == 64 && kBurstBuckets == 8, "bit_width of a full burst is the last bucket");

}  // namespace

Worker::Worker(const WorkerSpec& spec, u32 index, u32 port_count, Shared& shared)
    : spec_(spec), shared_(shared), lane_(std::make_unique<Lane>()) {
  lane_->index = index;
  lane_->port_count = port_count;
  lane_->wanted = &shared.snapshot_wanted;
  bpf::runtime::init_env(lane_->env, spec.cpu, lane_host(), lane_.get());
}

Worker::~Worker() {
  delete pipeline_.load();
}

std::unique_ptr<const Pipeline> Worker::set_pipeline(std::unique_ptr<const Pipeline> pipeline) {
  return std::unique_ptr<const Pipeline>(pipeline_.exchange(pipeline.release(), std::memory_order_acq_rel));
}

base::Status Worker::launch() {
  SLUICE_TRY(lcore_, drivers::cpu_lcore(spec_.cpu).in("worker " + spec_.name));
  SLUICE_TRY(reader_, base::Reclaim::process().join().in("worker " + spec_.name));
  done_.store(Phase::run);
  const auto entry = [](void* worker) {
    static_cast<Worker*>(worker)->run();
    return 0;
  };
  if (const int rc = rte_eal_remote_launch(entry, this, lcore_); rc != 0)
    return base::Error(EBUSY,
                       "worker " + spec_.name + ": cpu " + std::to_string(spec_.cpu) + " is taken by another worker");
  launched_ = true;
  return base::success();
}

void Worker::join() {
  if (!launched_) return;
  rte_eal_wait_lcore(lcore_);
  launched_ = false;
  reader_ = {};
}

void Worker::run() {
  reader_.online();
  last_poll_cycles_ = rte_rdtsc();
  for (;;) {
    const Phase phase = shared_.phase.load(std::memory_order_acquire);
    if (phase == Phase::end) break;
    lane_->cpus_closed = phase >= Phase::close_cpus;
    lane_->take_run_time = shared_.take_run_time.load(std::memory_order_relaxed);
    const u32 work = poll_all(*pipeline_.load(std::memory_order_acquire), phase);
    lane_->publish_if_wanted();
    if (lane_->env.wake_count) bpf_env_flush_wakes(&lane_->env);
    reader_.quiescent();
    note_phase(phase, work);
    count_cycles(work);
    pace(work);
  }
  reader_.offline();
}

u32 Worker::poll_all(const Pipeline& pipeline, Phase phase) {
  u32 work = 0;
  for (const Source& source : pipeline.sources)
    if (source.ring || phase == Phase::run) work += poll(pipeline, source);
  source_work_ = work;
  for (rte_ring* ring : pipeline.cpus_in) work += receive_from_cpus(*lane_, pipeline, ring);
  for (rte_ring* ring : pipeline.handovers_in) work += send_handovers(*lane_, pipeline, ring);
  return work;
}

u32 Worker::poll(const Pipeline& pipeline, const Source& source) {
  rte_mbuf* frames[kBurstMax];
  Lane& lane = *lane_;
  u32 count = source.ring
                  ? rte_ring_sc_dequeue_burst(source.ring, reinterpret_cast<void**>(frames), source.burst, nullptr)
                  : rte_eth_rx_burst(source.device, source.queue, frames, source.burst);
  lane.counters.loop.bursts[burst_bucket(count)].add(1);
  if (count == 0) return 0;
  lane.publish_if_wanted();
  EntryCounters& counters = lane.entry(source.entry);
  (source.ring ? counters.taken_over : counters.received).add(count);
  if (!source.spread.empty()) return spread(pipeline, source, frames, count);
  const u32 bytes = process_burst(lane, pipeline, source, frames, count);
  if (!source.ring) counters.received_bytes.add(bytes);
  return count;
}

// Bytes are counted where frames enter, whoever processes them.
u32 Worker::spread(const Pipeline& pipeline, const Source& source, rte_mbuf** frames, u32 count) {
  u32 bytes = 0;
  for (u32 i = 0; i < count; ++i) bytes += frames[i]->pkt_len;
  lane_->entry(source.entry).received_bytes.add(bytes);
  const u32 own = spread_burst(*lane_, source, frames, count);
  if (own != 0) process_burst(*lane_, pipeline, source, frames, own);
  return count;
}

// Closing is done when a whole round has seen it; draining when a round found every queue empty.
void Worker::note_phase(Phase phase, u32 work) {
  if (phase == Phase::run) return;
  const bool closes = phase == Phase::stop_receiving || phase == Phase::close_cpus;
  // Programs may keep frames going round between CPUs for ever: nobody waits for those before the way is closed.
  if (phase == Phase::drain_spread) work = source_work_;
  if (closes || work == 0) done_.store(phase, std::memory_order_release);
}

void Worker::count_cycles(u32 work) {
  LoopCounters& loop = lane_->counters.loop;
  const u64 now = rte_rdtsc();
  const u64 spent = now - last_poll_cycles_;
  last_poll_cycles_ = now;
  loop.polls.add(1);
  (work ? loop.busy_cycles : loop.idle_cycles).add(spent);
  if (spent > loop.longest_gap_cycles.get()) [[unlikely]]
    loop.longest_gap_cycles.set(spent);
}

void Worker::pace(u32 work) {
  if (work != 0) {
    idle_polls_ = 0;
    return;
  }
  rte_pause();
  if (spec_.poll == Poll::busy || ++idle_polls_ < kIdlePollsMax) return;
  const u32 doublings = std::min(idle_polls_ - kIdlePollsMax, 16u);
  sleep(std::min(kFirstSleepUs << doublings, spec_.max_sleep_us));
}

void Worker::sleep(u32 microseconds) {
  const u64 begin = rte_rdtsc();
  reader_.offline();
  const timespec duration = {.tv_sec = microseconds / 1000000, .tv_nsec = long(microseconds % 1000000) * 1000};
  nanosleep(&duration, nullptr);
  reader_.online();
  last_poll_cycles_ = rte_rdtsc();
  lane_->counters.loop.sleep_cycles.add(last_poll_cycles_ - begin);
  lane_->counters.loop.sleeps.add(1);
}

}  // namespace dataplane
