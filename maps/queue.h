// SPDX-License-Identifier: Apache-2.0
// queue.h — the containers behind BPF_MAP_TYPE_QUEUE and BPF_MAP_TYPE_STACK: max_entries values, first or last in first
// out, without a lock.
//
//   values  [node 1][node 2] …                      a NodeStore: whoever holds a node's number owns its value
//   Queue   slots: position p lies in slot p % max_entries, as one word
//             {p, 0} free for p  ─►  {p, node} holds p  ─►  {p + max_entries, 0} free for the next lap
//           head, tail: the first position that may be full, that may be free; hints that anybody moves on
//   Stack   top: 16 bytes {index, node, version, count}; the last entry is in it alone until the next operation has
//           written it to slots[index] = {version, node}; the slots are a ring, so a full stack can drop its bottom
//
// Threads   any. Lock-free: an operation is repeated only when another one has got through. Each value goes to exactly
//           one pop. A thread that stops in the middle keeps a node of its own, and blocks nobody.
// Errors    -E2BIG full (with BPF_EXIST the oldest value makes room), -ENOENT empty: the caller's value is zeroed;
//           -EINVAL BPF_NOEXIST, unknown flag.
// Cost      Queue: push, pop 2 compare-and-swaps on shared lines and 1 on the CPU's own list of nodes; peek none.
//           Stack: 3 and 1; peek 2.
// Source    semantics: bpf(2), the running kernel. Queue: bounded array queues with helping (Tsigas and Zhang, 2001);
//           Stack: Shafiei, "Non-blocking array-based algorithms for stacks and queues", 2009.
#pragma once

#include <atomic>

#include "base/memory.h"
#include "base/percpu.h"
#include "base/result.h"
#include "bpf/registry/map_ops.h"
#include "maps/node_store.h"

namespace maps {

// What both have: nodes for values, and a word for each entry.
struct keyless_map {
  bpf_map map;
};

class ValueSlots : public keyless_map {
 public:
  // Nodes in the hands of threads inside an operation, beside max_entries.
  static constexpr u32 kSpareNodes = 256;

  ValueSlots() : keyless_map{} {}
  ValueSlots(const ValueSlots&) = delete;
  ValueSlots& operator=(const ValueSlots&) = delete;
  u64 memory_bytes() const noexcept { return charge_.bytes(); }

 protected:
  base::Status init(const bpf::MapSpec& spec);
  std::atomic_ref<u64> slot(u64 at) const noexcept { return std::atomic_ref<u64>(slots_[at]); }
  void store(u32 node, const void* value) noexcept;
  void fetch(u32 node, void* value) const noexcept;

  NodeStore nodes_;
  u64* slots_ = nullptr;

 private:
  u64 stride_ = 0;
  base::MemoryCharge charge_;
  base::MemoryRegion slot_memory_;
  base::MemoryRegion node_memory_;
};

class Queue : public ValueSlots {
 public:
  base::Status init(const bpf::MapSpec& spec);
  int push(const void* value, u64 flags, u32 lane) noexcept;
  int pop(void* value, u32 lane) noexcept;
  int peek(void* value) noexcept;
  u64 count() const noexcept;

 private:
  u32 take_first(u64& at) noexcept;

  alignas(base::kCacheLine) std::atomic<u64> head_{0};
  alignas(base::kCacheLine) std::atomic<u64> tail_{0};
};

class Stack : public ValueSlots {
 public:
  base::Status init(const bpf::MapSpec& spec);
  int push(const void* value, u64 flags, u32 lane) noexcept;
  int pop(void* value, u32 lane) noexcept;
  int peek(void* value) noexcept;
  u64 count() const noexcept { return load().count; }

 private:
  struct alignas(16) Top {
    u32 index;
    u32 node;     // of the last entry; nothing when there is none
    u32 version;  // that slots[index] has once it holds this entry
    u32 count;
  };

  Top load() const noexcept;
  bool swap(const Top& expected, const Top& desired) noexcept;
  Top settle() noexcept;

  alignas(base::kCacheLine) mutable Top top_{};
};

}  // namespace maps
