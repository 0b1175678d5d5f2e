// SPDX-License-Identifier: Apache-2.0
// lane.h — everything one worker owns while it carries frames: BPF environment, burst arrays, outbox, counters.
//
// Threads   the worker alone, but for counters (readable by all), `published` (see publish) and the trace queue's
//           other end.
// Lifetime  as long as the Dataplane; allocated once, nothing in it grows.
#pragma once

#include <array>
#include <atomic>

#include "base/types.h"
#include "bpf/abi/host/xdp_burst.h"
#include "dataplane/counters.h"
#include "dataplane/pipeline.h"
#include "dataplane/skb.h"
#include "dataplane/trace_ring.h"

struct rte_mbuf;

namespace dataplane {

// Frames of one source burst that wait for the end of the burst, by egress port. All have the same port of entry. An
// input frame goes to a port once, as a rule; where copies do not fit, what is there is sent first.
struct Outbox {
  struct Queue {
    u32 count = 0;
    u32 bytes = 0;
    std::array<rte_mbuf*, kBurstMax> frames;
  };
  u32 touched = 0;  // bit per port
  std::array<Queue, kPortsMax> queues;
};
static_assert(kPortsMax <= 32, "Outbox::touched has a bit per port");

// Frames that died in this burst; freed together. A frame and at most kPortsMax copies of it can die.
struct Graveyard {
  u32 count = 0;
  std::array<rte_mbuf*, kBurstMax * 2> frames;
};

// Frames that programs sent to the ingress of a port, until those of the burst are through. A whole burst fits twice.
struct Backlog {
  struct Slot {
    Skb skb;
    u16 port;
  };
  u32 first = 0;
  u32 count = 0;
  std::array<Slot, kBurstMax * 2> slots;
};

// Frames of one source burst for workers on other CPUs, by place in Pipeline::cpus, until flush().
struct CpuOutbox {
  struct Queue {
    u32 count = 0;
    u32 bound = 0;  // of frames waiting there, the smallest that an entry asked for
    std::array<rte_mbuf*, kBurstMax> frames;
    std::array<u16, kBurstMax> entries;  // ports of entry; the frames are another's once they are handed over
  };
  u64 touched = 0;  // bit per worker
  std::array<Queue, kWorkersMax> queues;
};
static_assert(kWorkersMax <= 64, "CpuOutbox::touched has a bit per worker");

struct Lane {
  u32 index = 0;  // worker slot
  u32 port_count = 0;
  bool take_run_time = false;  // read once per loop from the switch that all workers share
  const Pipeline* pipeline = nullptr;  // of the burst that runs
  u16 entry_of_run = kNoPort;          // port of entry of the frame whose program runs, for helpers
  bpf_env env{};
  std::array<u32, kBurstMax> verdicts{};
  std::array<struct bpf_redirect, kBurstMax> redirects{};
  std::array<xdp_borders, kBurstMax> borders{};
  Outbox outbox;
  CpuOutbox cpu_outbox;
  bool cpus_closed = false;  // the data path stops: no more frames for other CPUs
  Graveyard graveyard;
  Backlog backlog;
  LaneCounters counters;
  TraceRing trace;

  // A consistent copy for the control thread: it raises `wanted`, which all lanes share, and each worker copies at
  // its next boundary between two bursts. A worker also does so after it has taken frames of another worker out of a
  // queue, before it counts them: whoever put them there after its own copy had seen the request, so this one sees it
  // too. Of the copies of one request, none knows a frame taken over that no other knows handed over.
  const std::atomic<u64>* wanted = nullptr;
  alignas(64) std::atomic<u64> published{0};
  LaneCounters copy;

  void publish_if_wanted() noexcept {
    const u64 number = wanted->load(std::memory_order_acquire);
    if (number == published.load(std::memory_order_relaxed)) [[likely]]
      return;
    counters.copy_to(copy, port_count);
    published.store(number, std::memory_order_release);
  }

  EntryCounters& entry(u16 port) noexcept { return counters.entries[port]; }
};

}  // namespace dataplane
