// SPDX-License-Identifier: Apache-2.0
// growing_pool.h — a NodeStore whose memory is reserved at once, and touched and charged as it is needed.
//
// Threads   take, give: any thread, lock-free.
// Errors    take() answers 0 when the budget is spent or every node is in use.
#pragma once

#include <algorithm>

#include "base/memory.h"
#include "maps/node_store.h"

namespace maps {

class GrowingPool {
 public:
  base::Status init(std::string_view what, base::MemoryCharge* charge, u64 stride, u64 count, u32 lanes, int numa) {
    stride_ = stride;
    charge_ = charge;
    // No more is reserved than the budget could ever grant.
    const u64 affordable = base::MemoryBudget::process().limit() / stride + 1;
    const u32 nodes = static_cast<u32>(std::min({count, affordable, u64{NodeStore::kNodesMax} - 1}));
    SLUICE_TRY(memory_, base::MemoryRegion::make(what, {(u64{nodes} + 1) * stride, numa}));
    SLUICE_TRY(links_, base::MemoryRegion::make(what, {(u64{nodes} + 1) * kLinkBytes, numa}));
    store_.init(links_.data(), kLinkBytes, 1, nodes, lanes);
    store_.begin_small();
    return base::success();
  }

  u32 take(u32 lane) noexcept {
    for (;;) {
      if (const u32 node = store_.take(lane, NodeStore::Hurry::none)) return node;
      if (!store_.grow(*charge_, stride_ + kLinkBytes)) return 0;
    }
  }
  void give(u32 lane, u32 node) noexcept { store_.give(lane, node); }
  void give_later(u32 lane, u32 node) noexcept { store_.give_later(lane, node); }

  u8* data() const noexcept { return reinterpret_cast<u8*>(memory_.data()); }
  u8* at(u32 node) const noexcept { return data() + node * stride_; }
  u64 stride() const noexcept { return stride_; }

 private:
  // Links lie beside the nodes: a reader may still follow a node that has been given back.
  static constexpr u64 kLinkBytes = sizeof(u64);

  u64 stride_ = 0;
  base::MemoryCharge* charge_ = nullptr;
  base::MemoryRegion memory_;
  base::MemoryRegion links_;
  NodeStore store_;
};

}  // namespace maps
