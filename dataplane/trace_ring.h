// SPDX-License-Identifier: Apache-2.0
// trace_ring.h — lines that programs print, on their way from a worker to the control thread.
//
// Shape     a ring of bytes; a record is a 4-byte length and the line.
// Threads   one writer (the worker), one reader (the control thread).
// Errors    a line that finds no room is lost, and counted by the caller.
#pragma once

#include <atomic>
#include <cstring>
#include <string>
#include <vector>

#include "base/types.h"

namespace dataplane {

class TraceRing {
 public:
  bool try_push(const char* line, base::u32 size) noexcept {
    const base::u64 head = head_.load(std::memory_order_relaxed);
    if (kBytes - (head - tail_.load(std::memory_order_acquire)) < sizeof size + size) return false;
    put(head, &size, sizeof size);
    put(head + sizeof size, line, size);
    head_.store(head + sizeof size + size, std::memory_order_release);
    return true;
  }

  bool try_pop(std::string& line) {
    const base::u64 tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    base::u32 size = 0;
    get(tail, &size, sizeof size);
    line.resize(size);
    get(tail + sizeof size, line.data(), size);
    tail_.store(tail + sizeof size + size, std::memory_order_release);
    return true;
  }

 private:
  static constexpr base::u64 kBytes =
      64 * 1024;  // a few hundred lines: more than one drain period of a program that is debugged

  void put(base::u64 at, const void* from, base::u32 size) noexcept {
    for (base::u32 i = 0; i < size; ++i) ring_[(at + i) % kBytes] = static_cast<const char*>(from)[i];
  }
  void get(base::u64 at, void* to, base::u32 size) const noexcept {
    for (base::u32 i = 0; i < size; ++i) static_cast<char*>(to)[i] = ring_[(at + i) % kBytes];
  }

  std::vector<char> ring_ = std::vector<char>(kBytes);
  alignas(64) std::atomic<base::u64> head_{0};
  alignas(64) std::atomic<base::u64> tail_{0};
};

}  // namespace dataplane
