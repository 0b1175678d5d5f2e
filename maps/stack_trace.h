// SPDX-License-Identifier: Apache-2.0
// stack_trace.h — BPF_MAP_TYPE_STACK_TRACE: call stacks by the number that their hash gives them.
//
//   slots   max_entries rounded up to a power of two; slot n ─► {depth, return addresses}, or nothing
//
// Shape     collect() is for the helper that walks a stack: the number is the hash of the addresses, so equal stacks
//           share a slot. A look-up shows the addresses, and zeros behind them.
// Threads   any; the slots have one lock, which only code that walked a stack and control threads take: no packet path.
// Errors    collect: EEXIST another stack has the slot. look-up, delete: ENOENT empty; delete: E2BIG no such number.
// Source    bpf(2), the running kernel. BPF_F_STACK_BUILD_ID: values are struct bpf_stack_build_id, 32 bytes a frame.
#pragma once

#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "base/memory.h"
#include "maps/ops.h"

namespace maps {

class StackTraceMap final : public bpf::Map {
 public:
  static constexpr u32 kFramesMax = 127;  // sysctl kernel.perf_event_max_stack
  static constexpr u64 kSlotsMax = u64{1} << 31;

  explicit StackTraceMap(const bpf::MapSpec& spec);
  static base::Status check(const bpf::MapSpec& spec);
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec);

  bpf_map* head() noexcept override { return &map_; }
  int lookup(ConstBytes key, Bytes value);
  int update(ConstBytes, ConstBytes, u64) { return -EINVAL; }
  int erase(ConstBytes key);
  int lookup_and_delete(ConstBytes key, Bytes value);
  int next_key(ConstBytes key, Bytes next);
  u64 memory_bytes() const { return charge_.bytes(); }
  u64 entry_count() const;

  // The number of a stack of at most value_size / 8 addresses. `flags`: BPF_F_REUSE_STACKID, BPF_F_FAST_STACK_CMP.
  int collect(std::span<const u64> addresses, u64 flags);

 private:
  struct Stack {
    u32 hash = 0;
    std::vector<u64> addresses;
  };

  base::Status init();
  int copy(u32 number, Bytes value, bool take);

  bpf_map map_{};
  mutable std::mutex mutex_;
  u32 slot_count_ = 0;
  std::vector<std::unique_ptr<Stack>> slots_;
  base::MemoryCharge charge_;
};

}  // namespace maps
