// SPDX-License-Identifier: Apache-2.0
// perf_ring.h — the memory of one perf event's buffer (picture in bpf/abi/host/perf_ring.h), for a slot of a
// BPF_MAP_TYPE_PERF_EVENT_ARRAY; bpf/runtime/perf_event.c fills it.
//
// Threads   make: control thread. Lifetime: as_object() shares the ring with the slot, which keeps it until workers
//           have
//           been quiescent.
// Errors    EINVAL: the data is no power of two of pages. ENOMEM with the figures.
#pragma once

#include <memory>

#include "base/memory.h"
#include "base/unique_fd.h"
#include "bpf/abi/host/perf_ring.h"
#include "bpf/registry/map_ops.h"

namespace maps {

class PerfRing : public std::enable_shared_from_this<PerfRing> {
 public:
  struct Spec {
    base::u64 event_id = 0;
    base::u32 cpu = 0;
    base::u32 data_pages = 0;
    base::u32 wakeup_events = 1;
  };
  static base::Result<std::shared_ptr<PerfRing>> make(const Spec& spec);

  bpf::MapObject as_object();
  int memory_fd() const noexcept { return memory_.fd(); }  // what a client maps
  int wake_fd() const noexcept { return wake_.get(); }     // readable when samples have come

 private:
  bpf_perf_ring ring_{};
  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
  base::UniqueFd wake_;
};

}  // namespace maps
