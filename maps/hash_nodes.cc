// SPDX-License-Identifier: Apache-2.0
#include "maps/hash_nodes.h"

#include <algorithm>

#include "maps/test_fault.h"
#include "maps/test_point.h"

namespace maps {

u32 HashNodes::stock_of(const Plan& plan) {
  if (!plan.stock) return 0;
  const u64 affordable = std::max<u64>(kStockBytes / plan.stride, kStockPerLane * plan.lanes);
  return static_cast<u32>(std::min<u64>(affordable, kStockNodes));
}

u64 HashNodes::count(const Plan& plan) {
  if (!plan.preallocated) return u64{plan.max_entries} + kLimboNodes;
  return plan.max_entries + u64{plan.parts} * spares_of(plan);
}

void HashNodes::init(const Plan& plan, std::byte* first_words, base::MemoryCharge* charge) {
  plan_ = plan;
  charge_ = charge;
  per_part_ = static_cast<u32>(count(plan) / plan.parts);
  parts_ = std::make_unique<Part[]>(plan.parts);
  const u32 spares = plan.preallocated ? spares_of(plan) : 0;
  for (u32 p = 0; p < plan.parts; ++p) {
    Part& part = parts_[p];
    u32 first = first_of(p);
    part.entries.init(first_words, plan.stride, first, per_part_ - spares, plan.lanes);
    if (!plan.preallocated) part.entries.begin_small();
    if (spares == 0) continue;
    first += per_part_ - spares;
    part.lanes = std::make_unique<Lane[]>(plan.lanes);
    for (u32 lane = 0; lane < plan.lanes; ++lane) part.lanes[lane].spare = first++;
    part.stock.init(first_words, plan.stride, first, spares - plan.lanes, plan.lanes);
  }
}

// A BPF_F_NO_PREALLOC map rather grows than reuses a node that readers may still see.
u32 HashNodes::take_growing(Part& part, u32 lane) noexcept {
  do {
    if (const u32 node = part.entries.take(lane, NodeStore::Hurry::none)) return node;
  } while (part.entries.grow(*charge_, plan_.charge_bytes));
  return part.entries.take(lane);
}

HashNodes::Node HashNodes::take_entry(u32 lane) noexcept {
  Part& part = parts_[part_of_lane(lane)];
  return {plan_.preallocated ? part.entries.take(lane) : take_growing(part, lane), Account::entry, lane};
}

HashNodes::Node HashNodes::take_value(u32 lane, u32 old) noexcept {
  Part& part = part_of(old);
  if (part.lanes == nullptr) return take_entry(lane);
  if (const u32 spare = part.lanes[lane % plan_.lanes].spare.exchange(0, std::memory_order_acquire))
    return {spare, Account::lane, lane};
  if (const u32 spare = part.stock.take(lane)) return {spare, Account::stock, lane};
  return {part.entries.take(lane), Account::entry, lane};
}

void HashNodes::give_back(const Node& node) noexcept {
  Part& part = part_of(node.number);
  test_point();
  switch (node.account) {
    case Account::lane:
      part.lanes[node.lane % plan_.lanes].spare.store(node.number, std::memory_order_release);
      break;
    case Account::stock:
      part.stock.give(node.lane, node.number);
      break;
    case Account::entry:
      part.entries.give(node.lane, node.number);
      break;
  }
}

void HashNodes::exchange(const Node& fresh, u32 old) noexcept {
  if (plan_.preallocated) return give_back({old, fresh.account, fresh.lane});
  if (seeded("reuse_early")) return parts_[0].entries.give(fresh.lane, old);
  parts_[0].entries.give_later(fresh.lane, old);
}

void HashNodes::retire(u32 lane, u32 node) noexcept {
  Part& part = part_of(node);
  if (plan_.preallocated || seeded("reuse_early"))
    part.entries.give(lane, node);
  else
    part.entries.give_later(lane, node);
}

u64 HashNodes::taken() const noexcept {
  u64 sum = 0;
  for (u32 p = 0; p < plan_.parts; ++p) sum += parts_[p].entries.taken();
  return sum;
}

}  // namespace maps
