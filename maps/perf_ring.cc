// SPDX-License-Identifier: Apache-2.0
#include "maps/perf_ring.h"

#include <linux/perf_event.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace maps {

using base::u64;
using base::u8;

base::Result<std::shared_ptr<PerfRing>> PerfRing::make(const Spec& spec) {
  constexpr u64 kPage = 4096;
  const std::string what = "perf event of CPU " + std::to_string(spec.cpu);
  if (!std::has_single_bit(spec.data_pages))
    return base::Error(EINVAL, what + ": " + std::to_string(spec.data_pages) + " pages of data are no power of two");
  const u64 data_bytes = spec.data_pages * kPage;
  auto ring = std::make_shared<PerfRing>();
  SLUICE_TRY(ring->charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, kPage + data_bytes));
  base::MemoryRequest request{kPage + data_bytes};
  request.shared = request.populate = true;
  SLUICE_TRY(ring->memory_, base::MemoryRegion::make(what, request));
  ring->wake_ = base::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!ring->wake_) return base::Error(ENOMEM, what + ": eventfd: " + std::strerror(errno));
  auto* page = reinterpret_cast<perf_event_mmap_page*>(ring->memory_.data());
  page->data_offset = kPage;
  page->data_size = data_bytes;
  bpf_perf_ring& r = ring->ring_;
  r.data = reinterpret_cast<u8*>(ring->memory_.data()) + kPage;
  r.mask = data_bytes - 1;
  r.data_head = reinterpret_cast<u64*>(reinterpret_cast<u8*>(page) + offsetof(perf_event_mmap_page, data_head));
  r.data_tail = reinterpret_cast<const u64*>(reinterpret_cast<u8*>(page) + offsetof(perf_event_mmap_page, data_tail));
  r.id = spec.event_id;
  r.cpu = spec.cpu;
  r.wake_fd = ring->wake_.get();
  r.wakeup_events = std::max(spec.wakeup_events, 1U);
  return ring;
}

bpf::MapObject PerfRing::as_object() {
  return {.keep = shared_from_this(), .id = reinterpret_cast<u64>(&ring_)};
}

}  // namespace maps
