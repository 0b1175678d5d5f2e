// SPDX-License-Identifier: Apache-2.0
#include "maps/queue.h"

#include <cstring>

#include "bpf/abi/flags.h"
#include "maps/test_fault.h"
#include "maps/test_point.h"
#include "maps/words_inline.h"

namespace maps {
namespace {

u64 word(u64 high, u32 node) {
  return high << 32 | node;
}
u32 high_of(u64 word) {
  return static_cast<u32>(word >> 32);
}
u32 node_of(u64 word) {
  return static_cast<u32>(word);
}

bool good_flags(u64 flags) {
  return flags == bpf::BPF_ANY || flags == bpf::BPF_EXIST;
}

}  // namespace

base::Status ValueSlots::init(const bpf::MapSpec& spec) {
  const std::string what = "map '" + spec.name + "'";
  const u32 lanes = base::possible_cpu_count();
  stride_ = maps_round_up8(spec.value_size);
  const u64 nodes = u64{spec.max_entries} + kSpareNodes + lanes;
  const u64 node_bytes = (nodes + 1) * stride_;
  const u64 slot_bytes = u64{spec.max_entries} * sizeof(u64);
  if (nodes > NodeStore::kNodesMax)
    return base::Error(ENOMEM, what + ": max_entries is " + std::to_string(spec.max_entries) + ", there are " +
                                   std::to_string(NodeStore::kNodesMax - kSpareNodes - lanes) + " at most");
  SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, node_bytes + slot_bytes));
  const int numa = (spec.map_flags & bpf::BPF_F_NUMA_NODE) ? static_cast<int>(spec.numa_node) : -1;
  SLUICE_TRY(node_memory_, base::MemoryRegion::make(what, {node_bytes, numa}));
  SLUICE_TRY(slot_memory_, base::MemoryRegion::make(what, {slot_bytes, numa}));
  nodes_.init(node_memory_.data(), stride_, 1, static_cast<u32>(nodes), lanes);
  slots_ = reinterpret_cast<u64*>(slot_memory_.data());
  return base::success();
}

void ValueSlots::store(u32 node, const void* value) noexcept {
  maps_store_bytes(reinterpret_cast<u64*>(node_memory_.data() + node * stride_), value, map.shape.value_size);
}

void ValueSlots::fetch(u32 node, void* value) const noexcept {
  maps_fetch_bytes(value, reinterpret_cast<const u64*>(node_memory_.data() + node * stride_), map.shape.value_size);
}

// ---- first in, first out

base::Status Queue::init(const bpf::MapSpec& spec) {
  SLUICE_CHECK(ValueSlots::init(spec));
  for (u32 i = 0; i < spec.max_entries; ++i) slots_[i] = word(i, 0);
  return base::success();
}

int Queue::push(const void* value, u64 flags, u32 lane) noexcept {
  if (!good_flags(flags)) return -EINVAL;
  const u32 size = map.shape.max_entries;
  u32 node = 0;
  for (;;) {
    u64 tail = tail_.load(std::memory_order_acquire);
    auto place = slot(tail % size);
    u64 seen = place.load(std::memory_order_acquire);
    if (high_of(seen) == static_cast<u32>(tail - size)) {  // still holds the entry of the lap before
      if (tail_.load(std::memory_order_acquire) != tail) continue;
      if (flags != bpf::BPF_EXIST) break;
      u64 at;
      if (const u32 oldest = take_first(at)) nodes_.give(lane, oldest);
      continue;
    }
    if (seen == word(tail, 0)) {
      if (node == 0) {
        if ((node = nodes_.take(lane)) == 0) break;
        if (!seeded("publish_unfilled")) store(node, value);
      }
      test_point();
      if (!place.compare_exchange_strong(seen, word(tail, node), std::memory_order_acq_rel)) continue;
      if (seeded("publish_unfilled")) store(node, value);
      tail_.compare_exchange_strong(tail, tail + 1, std::memory_order_release);
      return 0;
    }
    tail_.compare_exchange_strong(tail, tail + 1, std::memory_order_release);  // somebody filled it and is not here yet
  }
  if (node != 0) nodes_.give(lane, node);
  return -E2BIG;
}

// Node of the first entry, which is now the caller's; 0: the queue was empty.
u32 Queue::take_first(u64& head) noexcept {
  const u32 size = map.shape.max_entries;
  for (;;) {
    head = head_.load(std::memory_order_acquire);
    auto place = slot(head % size);
    u64 seen = place.load(std::memory_order_acquire);
    if (seen == word(head, 0)) {
      if (head_.load(std::memory_order_acquire) == head) return 0;
      continue;
    }
    u64 expected = head;
    if (high_of(seen) == static_cast<u32>(head)) {
      test_point();
      if (!place.compare_exchange_strong(seen, word(head + size, 0), std::memory_order_acq_rel)) continue;
      head_.compare_exchange_strong(expected, head + 1, std::memory_order_release);
      return node_of(seen);
    }
    head_.compare_exchange_strong(expected, head + 1, std::memory_order_release);
  }
}

int Queue::pop(void* value, u32 lane) noexcept {
  u64 head;
  const u32 node = take_first(head);
  if (node == 0) {
    std::memset(value, 0, map.shape.value_size);
    return -ENOENT;
  }
  fetch(node, value);
  nodes_.give(lane, node);
  return 0;
}

int Queue::peek(void* value) noexcept {
  for (;;) {
    const u64 head = head_.load(std::memory_order_acquire);
    auto place = slot(head % map.shape.max_entries);
    const u64 seen = place.load(std::memory_order_acquire);
    if (high_of(seen) != static_cast<u32>(head)) {
      u64 expected = head;
      head_.compare_exchange_strong(expected, head + 1, std::memory_order_release);
      continue;
    }
    if (node_of(seen) == 0) {
      if (head_.load(std::memory_order_acquire) != head) continue;
      std::memset(value, 0, map.shape.value_size);
      return -ENOENT;
    }
    fetch(node_of(seen), value);
    test_point();
    std::atomic_thread_fence(std::memory_order_acquire);
    if (place.load(std::memory_order_relaxed) == seen) return 0;
  }
}

u64 Queue::count() const noexcept {
  const u64 head = head_.load(std::memory_order_acquire);
  const u64 tail = tail_.load(std::memory_order_acquire);
  return tail > head ? tail - head : 0;
}

// ---- last in, first out

base::Status Stack::init(const bpf::MapSpec& spec) {
  return ValueSlots::init(spec);
}

Stack::Top Stack::load() const noexcept {
  const auto seen = __sync_val_compare_and_swap(reinterpret_cast<unsigned __int128*>(&top_), 0, 0);
  Top top;
  std::memcpy(&top, &seen, sizeof top);
  return top;
}

bool Stack::swap(const Top& expected, const Top& desired) noexcept {
  unsigned __int128 from, to;
  std::memcpy(&from, &expected, sizeof from);
  std::memcpy(&to, &desired, sizeof to);
  test_point();
  return __sync_bool_compare_and_swap(reinterpret_cast<unsigned __int128*>(&top_), from, to);
}

// The top as it is, its entry written to its slot by whoever comes first.
Stack::Top Stack::settle() noexcept {
  const Top top = load();
  auto place = slot(top.index);
  u64 seen = place.load(std::memory_order_acquire);
  if (high_of(seen) == top.version - 1)
    place.compare_exchange_strong(seen, word(top.version, top.node), std::memory_order_acq_rel);
  return top;
}

int Stack::push(const void* value, u64 flags, u32 lane) noexcept {
  if (!good_flags(flags)) return -EINVAL;
  const u32 size = map.shape.max_entries;
  u32 node = 0;
  for (;;) {
    const Top top = settle();
    const bool full = top.count == size;
    if (full && flags != bpf::BPF_EXIST) break;
    if (node == 0) {
      if ((node = nodes_.take(lane)) == 0) break;
      store(node, value);
    }
    const u32 next = top.index + 1 == size ? 0 : top.index + 1;
    const u64 below = slot(next).load(std::memory_order_acquire);  // full: the oldest entry
    if (!swap(top, {next, node, high_of(below) + 1, full ? size : top.count + 1})) continue;
    if (full) nodes_.give(lane, node_of(below));
    return 0;
  }
  if (node != 0) nodes_.give(lane, node);
  return -E2BIG;
}

int Stack::pop(void* value, u32 lane) noexcept {
  for (;;) {
    const Top top = settle();
    if (top.count == 0) {
      std::memset(value, 0, map.shape.value_size);
      return -ENOENT;
    }
    const u32 before = top.index == 0 ? map.shape.max_entries - 1 : top.index - 1;
    const u64 below = slot(before).load(std::memory_order_acquire);
    if (!swap(top, {before, top.count == 1 ? 0 : node_of(below), high_of(below) + 1, top.count - 1})) continue;
    if (seeded("give_before_fetch")) {
      nodes_.give(lane, top.node);
      test_point();
      fetch(top.node, value);
      return 0;
    }
    fetch(top.node, value);
    nodes_.give(lane, top.node);
    return 0;
  }
}

int Stack::peek(void* value) noexcept {
  for (;;) {
    const Top top = load();
    if (top.count == 0) {
      std::memset(value, 0, map.shape.value_size);
      return -ENOENT;
    }
    fetch(top.node, value);
    test_point();
    const Top now = load();
    if (std::memcmp(&now, &top, sizeof top) == 0) return 0;
  }
}

}  // namespace maps
