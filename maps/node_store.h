// SPDX-License-Identifier: Apache-2.0
// node_store.h — numbered nodes of one size, handed out and taken back by any thread without a lock.
//
// Shape     nodes behind each other; node 0 is none. A lane per CPU keeps the nodes that were given back there:
//             free      may be handed out now
//             later[0], later[1]  given back for later: one is collecting, the other waits for its token to pass and is
//                       then as good as free; when it is empty they change places, so no node is ever out of sight
//           Each is a stack linked through eight bytes of each node; its head is one word {version 36, node 28}, so
//           that a head that was popped and pushed again in between is not mistaken for the old one. Nodes that nobody
//           has had yet come from a counter, so that their pages stay untouched until they are needed.
// Threads   all of it any thread, lock-free. A lane is a place, not an owner: two threads may use one.
// Bound     take() looks at every lane before it gives up. With Hurry::reuse it rather hands out a node whose grace
//           period is not over than none: a stale reader then sees another element of the same shape, as in a
//           preallocated map of Linux. Where readers follow links between nodes that must not be: Hurry::none.
// Cost      take, give: one compare-and-swap on the lane's own line.
#pragma once

#include <atomic>
#include <memory>

#include "base/memory.h"
#include "base/percpu.h"
#include "base/types.h"

namespace maps {

using base::u32;
using base::u64;
using base::u8;

class NodeStore {
 public:
  static constexpr u32 kNodeBits = 28;
  static constexpr u32 kNodesMax = (1U << kNodeBits) - 1;
  // A change of places costs a token; one per so many nodes given back.
  static constexpr u32 kRotateNodes = 64;
  static constexpr u64 kGrowBytes = u64{256} << 10;

  // Hands out first … first + count - 1, and whatever else is given to it. The link of node n, eight bytes that are the
  // store's while it has the node, lies at memory + n * stride: in the node, or beside it.
  // REQUIRES: 0 < first, first + count - 1 <= kNodesMax, 0 < lanes.
  void init(std::byte* memory, u64 stride, u32 first, u32 count, u32 lanes);

  // Nodes that nobody has had yet are handed out only as grow() allows it.
  void begin_small() noexcept;
  // Allows some kGrowBytes more, at `node_bytes` each, charged to `charge`. False: the budget is spent, or all are
  // allowed.
  bool grow(base::MemoryCharge& charge, u64 node_bytes) noexcept;

  enum class Hurry : u8 { none, reuse };

  // 0: none is left.
  u32 take(u32 lane, Hurry hurry = Hurry::reuse) noexcept;
  // The node may be handed out again at once.
  void give(u32 lane, u32 node) noexcept;
  // ... only after a grace period, unless there is no other left.
  void give_later(u32 lane, u32 node) noexcept;

  // Nodes handed out; exact when no thread is inside take or give.
  u64 taken() const noexcept;

 private:
  using Head = std::atomic<u64>;
  static constexpr u64 kNoToken = ~u64{0};
  struct alignas(base::kCacheLine) Lane {
    Head free{0};
    Head later[2] = {0, 0};
    std::atomic<u64> token[2] = {kNoToken, kNoToken};  // kNoToken: collecting
    std::atomic<u32> collecting{0};
    std::atomic<u32> collected{0};
    std::atomic<bool> rotating{false};
    std::atomic<base::s64> taken{0};
  };

  std::atomic_ref<u64> link(u32 node) const noexcept {
    return std::atomic_ref<u64>(*reinterpret_cast<u64*>(memory_ + node * stride_));
  }
  void push(Head& head, u32 node) noexcept;
  u32 pop(Head& head) noexcept;
  u32 pop_passed(Lane& lane) noexcept;
  u32 take_fresh() noexcept;
  u32 take_anywhere(u32 lane, Hurry hurry) noexcept;
  void rotate(Lane& lane) noexcept;

  std::byte* memory_ = nullptr;
  u64 stride_ = 0;
  u32 end_ = 0;
  std::atomic<u32> limit_{0};  // fresh nodes stay below
  u32 lane_count_ = 0;
  std::atomic<u32> fresh_{0};  // the next one that nobody has had
  std::unique_ptr<Lane[]> lanes_;
};

}  // namespace maps
