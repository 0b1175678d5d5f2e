// SPDX-License-Identifier: Apache-2.0
// memory.h — the door through which big tables get their memory: a budget for the process, and regions on huge pages.
//
//   MemoryBudget   bytes that maps may hold together; a request that does not fit is refused with both numbers
//   MemoryRegion   an anonymous mapping of its own, private or shared (a sealed memfd that clients may map)
//
// Shape     a region of 2 MiB or more is aligned to 2 MiB and asks for transparent huge pages, or takes them from the
//           hugetlb pool where the process was told to (PagePolicy::hugetlb); a dry pool falls back to transparent
//           ones.
// Threads   MemoryBudget: any thread, lock-free. MemoryRegion: one owner.
// Lifetime  memory goes back when the region, the charge goes back when the MemoryCharge dies.
// Errors    ENOMEM with the figures. Nothing throws, and nothing is promised that the kernel has not given.
// Cost      one mmap(2); with `populate` one page fault per page at once, none later.
#pragma once

#include <atomic>
#include <string_view>

#include "base/result.h"
#include "base/types.h"

namespace base {

class MemoryBudget {
 public:
  // A budget of its own, for tests. The process's one starts at half of the machine's memory.
  explicit MemoryBudget(u64 limit_bytes) : limit_(limit_bytes) {}
  static MemoryBudget& process();

  void set_limit(u64 bytes) noexcept { limit_.store(bytes, std::memory_order_relaxed); }
  u64 limit() const noexcept { return limit_.load(std::memory_order_relaxed); }
  u64 used() const noexcept { return used_.load(std::memory_order_relaxed); }

  bool try_charge(u64 bytes) noexcept;
  void release(u64 bytes) noexcept { used_.fetch_sub(bytes, std::memory_order_relaxed); }
  // ENOMEM: "map 'flows' needs 1234 MiB, 512 MiB of 1024 MiB left".
  Error refusal(std::string_view what, u64 bytes) const;

 private:
  std::atomic<u64> limit_;
  std::atomic<u64> used_{0};
};

// A part of a budget, given back at the end. Grows on any thread.
class MemoryCharge {
 public:
  MemoryCharge() = default;
  MemoryCharge(MemoryCharge&& other) noexcept { *this = std::move(other); }
  MemoryCharge& operator=(MemoryCharge&& other) noexcept;
  ~MemoryCharge();

  static Result<MemoryCharge> make(MemoryBudget& budget, std::string_view what, u64 bytes);
  bool try_grow(u64 bytes) noexcept;
  void shrink(u64 bytes) noexcept;  // REQUIRES: grown by as much before
  u64 bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

 private:
  MemoryBudget* budget_ = nullptr;
  std::atomic<u64> bytes_{0};
};

enum class PagePolicy : u8 { transparent, hugetlb };
void set_page_policy(PagePolicy policy) noexcept;

struct MemoryRequest {
  u64 bytes = 0;
  int numa_node = -1;     // -1: where the first touch happens
  bool populate = false;  // fault every page in now
  bool shared = false;    // a memfd of 4 KiB pages, sealed against resizing
};

class MemoryRegion {
 public:
  MemoryRegion() = default;
  MemoryRegion(MemoryRegion&& other) noexcept { *this = std::move(other); }
  MemoryRegion& operator=(MemoryRegion&& other) noexcept;
  ~MemoryRegion();

  // Zeroed memory. `what` names the owner in the error.
  static Result<MemoryRegion> make(std::string_view what, const MemoryRequest& request);

  std::byte* data() const noexcept { return data_; }
  u64 size() const noexcept { return size_; }
  int fd() const noexcept { return fd_; }  // -1 for private memory

  // Shared memory whose clients shall not write any more. With `owner_writes` this process still may, and clients that
  // have mapped it for writing keep what they have; without, EBUSY if there is such a client, and nothing changes.
  Status seal(bool owner_writes);

 private:
  std::byte* data_ = nullptr;
  u64 size_ = 0;
  int fd_ = -1;
};

// "1234 MiB", "12 KiB", "7 bytes": rounded up, so that a need never reads smaller than it is.
std::string format_bytes(u64 bytes);

}  // namespace base
