// SPDX-License-Identifier: Apache-2.0
#include "maps/node_store.h"

#include <algorithm>

#include "base/reclaim.h"
#include "maps/test_fault.h"
#include "maps/test_point.h"

namespace maps {
namespace {
constexpr u64 kNodeMask = NodeStore::kNodesMax;
u64 next_head(u64 head, u64 node) {
  if (seeded("free_list_version")) return node;
  return ((head >> NodeStore::kNodeBits) + 1) << NodeStore::kNodeBits | node;
}
}  // namespace

void NodeStore::init(std::byte* memory, u64 stride, u32 first, u32 count, u32 lanes) {
  memory_ = memory;
  stride_ = stride;
  end_ = first + count;
  limit_.store(end_, std::memory_order_relaxed);
  fresh_.store(first, std::memory_order_relaxed);
  lane_count_ = lanes;
  lanes_ = std::make_unique<Lane[]>(lanes);
}

void NodeStore::begin_small() noexcept {
  limit_.store(fresh_.load());
}

bool NodeStore::grow(base::MemoryCharge& charge, u64 node_bytes) noexcept {
  u32 limit = limit_.load(std::memory_order_relaxed);
  const u32 step = static_cast<u32>(std::min<u64>(std::max<u64>(kGrowBytes / node_bytes, 1), end_ - limit));
  if (step == 0 || !charge.try_grow(step * node_bytes)) return false;
  // Another thread that grew it first has done what was wanted.
  if (!limit_.compare_exchange_strong(limit, limit + step)) charge.shrink(step * node_bytes);
  return true;
}

void NodeStore::push(Head& head, u32 node) noexcept {
  u64 old = head.load(std::memory_order_relaxed);
  do {
    link(node).store(old & kNodeMask, std::memory_order_relaxed);
  } while (
      !head.compare_exchange_weak(old, next_head(old, node), std::memory_order_release, std::memory_order_relaxed));
}

u32 NodeStore::pop(Head& head) noexcept {
  u64 old = head.load(std::memory_order_acquire);
  for (;;) {
    const u32 node = old & kNodeMask;
    if (node == 0) return 0;
    // Another thread may have taken the node meanwhile and written a key there; then the version has moved as well.
    const u64 next = link(node).load(std::memory_order_relaxed) & kNodeMask;
    test_point();
    if (head.compare_exchange_weak(old, next_head(old, next), std::memory_order_acquire)) return node;
  }
}

u32 NodeStore::pop_passed(Lane& lane) noexcept {
  const u32 which = 1 - lane.collecting.load(std::memory_order_acquire);
  u64 old = lane.later[which].load(std::memory_order_acquire);
  const u32 node = old & kNodeMask;
  if (node == 0) return 0;
  // A list's token is withdrawn before it begins to collect: whoever sees a node that is too young sees no token.
  const u64 token = lane.token[which].load(std::memory_order_acquire);
  if (token == kNoToken || !base::Reclaim::process().passed(token)) return 0;
  const u64 next = link(node).load(std::memory_order_relaxed) & kNodeMask;
  if (lane.later[which].compare_exchange_strong(old, next_head(old, next), std::memory_order_acquire)) return node;
  return 0;  // somebody else was faster; there are other places to look
}

u32 NodeStore::take_fresh() noexcept {
  u32 fresh = fresh_.load(std::memory_order_relaxed);
  while (fresh < limit_.load(std::memory_order_relaxed))
    if (fresh_.compare_exchange_weak(fresh, fresh + 1, std::memory_order_relaxed)) return fresh;
  return 0;
}

// The slow half of take(): other lanes, and at the very end nodes whose grace period is not over.
u32 NodeStore::take_anywhere(u32 lane, Hurry hurry) noexcept {
  for (u32 i = 0; i < lane_count_; ++i) {
    Lane& other = lanes_[(lane + i) % lane_count_];
    if (u32 node = pop(other.free)) return node;
    if (u32 node = pop_passed(other)) return node;
  }
  if (hurry == Hurry::none) return 0;
  for (u32 i = 0; i < lane_count_; ++i) {
    Lane& other = lanes_[(lane + i) % lane_count_];
    if (u32 node = pop(other.later[0])) return node;
    if (u32 node = pop(other.later[1])) return node;
  }
  return 0;
}

u32 NodeStore::take(u32 lane, Hurry hurry) noexcept {
  lane %= lane_count_;
  Lane& own = lanes_[lane];
  u32 node = pop(own.free);
  if (node == 0) node = pop_passed(own);
  if (node == 0) node = take_fresh();
  if (node == 0) node = take_anywhere(lane, hurry);
  if (node != 0) own.taken.fetch_add(1, std::memory_order_relaxed);
  return node;
}

void NodeStore::give(u32 lane, u32 node) noexcept {
  Lane& own = lanes_[lane % lane_count_];
  push(own.free, node);
  own.taken.fetch_sub(1, std::memory_order_relaxed);
}

void NodeStore::give_later(u32 lane, u32 node) noexcept {
  Lane& own = lanes_[lane % lane_count_];
  own.taken.fetch_sub(1, std::memory_order_relaxed);
  for (;;) {
    const u32 which = own.collecting.load(std::memory_order_acquire);
    u64 old = own.later[which].load(std::memory_order_acquire);
    if (own.collecting.load(std::memory_order_relaxed) != which) continue;
    link(node).store(old & kNodeMask, std::memory_order_relaxed);
    test_point();
    if (own.later[which].compare_exchange_weak(old, next_head(old, node), std::memory_order_release)) break;
  }
  if (own.collected.fetch_add(1, std::memory_order_relaxed) + 1 >= kRotateNodes) rotate(own);
}

// Lets the collecting list wait and the other one, if it is empty, collect. Whoever finds it being done leaves it be.
void NodeStore::rotate(Lane& lane) noexcept {
  if (lane.rotating.exchange(true, std::memory_order_acquire)) return;
  const u32 full = lane.collecting.load(std::memory_order_relaxed);
  if ((lane.later[1 - full].load(std::memory_order_acquire) & kNodeMask) == 0) {
    lane.token[1 - full].store(kNoToken, std::memory_order_relaxed);
    lane.collecting.store(1 - full, std::memory_order_release);
    // Moving the version refuses every push that began before; later ones see the new place. So the token that is taken
    // next is younger than every node of the list.
    u64 old = lane.later[full].load(std::memory_order_relaxed);
    while (!lane.later[full].compare_exchange_weak(old, next_head(old, old & kNodeMask), std::memory_order_acq_rel)) {
    }
    lane.token[full].store(base::Reclaim::process().start(), std::memory_order_release);
    lane.collected.store(0, std::memory_order_relaxed);
  }
  lane.rotating.store(false, std::memory_order_release);
}

u64 NodeStore::taken() const noexcept {
  base::s64 sum = 0;
  for (u32 i = 0; i < lane_count_; ++i) sum += lanes_[i].taken.load(std::memory_order_relaxed);
  return static_cast<u64>(std::max<base::s64>(sum, 0));
}

}  // namespace maps
