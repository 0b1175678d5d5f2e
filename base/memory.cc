// SPDX-License-Identifier: Apache-2.0
#include "base/memory.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <limits>
#include <utility>

namespace base {
namespace {

constexpr u64 kHugePage = u64{2} << 20;
constexpr u64 kSmallPage = 4096;
constexpr int kMpolPreferred = 1;  // <numaif.h> would pull in libnuma for one number

std::atomic<PagePolicy> page_policy{PagePolicy::transparent};

u64 round_up(u64 value, u64 unit) {
  return (value + unit - 1) / unit * unit;
}

Error mapping_refused(std::string_view what, u64 bytes) {
  const int code = errno;
  return Error(ENOMEM,
               std::string(what) + " needs " + format_bytes(bytes) + ", the system gives none: " + std::strerror(code));
}

// A hint, no more: a node without memory, or a kernel without NUMA, leaves the first touch to decide.
void prefer_node(std::byte* data, u64 size, int node) {
  if (node < 0 || node >= 64) return;
  const unsigned long mask = 1UL << node;
  static_cast<void>(syscall(SYS_mbind, data, size, kMpolPreferred, &mask, 65, 0));
}

std::byte* map_hugetlb(u64 size) {
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
}

// Maps `size` bytes aligned to a huge page by mapping one page more and cutting off both ends.
std::byte* map_transparent(u64 size) {
  if (size < kHugePage) {
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
  }
  void* p = mmap(nullptr, size + kHugePage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) return nullptr;
  auto* start = static_cast<std::byte*>(p);
  const u64 head = (kHugePage - reinterpret_cast<u64>(p) % kHugePage) % kHugePage;
  if (head != 0) munmap(start, head);
  munmap(start + head + size, kHugePage - head);
  madvise(start + head, size, MADV_HUGEPAGE);
  return start + head;
}

std::byte* map_shared(u64 size, int& fd) {
  fd = memfd_create("bpf-map", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return nullptr;
  if (ftruncate(fd, static_cast<off_t>(size)) != 0) return nullptr;
  // Who may only read must not open it again for writing.
  if (fchmod(fd, 0600) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) != 0) return nullptr;
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  return p == MAP_FAILED ? nullptr : static_cast<std::byte*>(p);
}

}  // namespace

Status MemoryRegion::seal(bool owner_writes) {
  if (owner_writes) {
    if (fcntl(fd_, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0) return success();
    return Error(errno, std::string("sealing against writes: ") + std::strerror(errno));
  }
  // The kernel counts this process's own mapping too: it becomes one that cannot write, of the same pages, at the same
  // place and without a moment in between.
  const auto remap = [this](int protection, int kind) {
    return mmap(data_, size_, protection, kind | MAP_FIXED, fd_, 0) != MAP_FAILED;
  };
  if (!remap(PROT_READ, MAP_PRIVATE)) return Error(ENOMEM, std::string("mapping for reading: ") + std::strerror(errno));
  if (fcntl(fd_, F_ADD_SEALS, F_SEAL_WRITE) == 0) return success();
  const int code = errno;
  if (!remap(PROT_READ | PROT_WRITE, MAP_SHARED)) return Error(ENOMEM, "mapping for writing again failed");
  return Error(code, code == EBUSY ? "a client has the memory mapped for writing" : std::strerror(code));
}

std::string format_bytes(u64 bytes) {
  if (bytes < 1024) return std::to_string(bytes) + " bytes";
  if (bytes < u64{1} << 20) return std::to_string((bytes + 1023) / 1024) + " KiB";
  return std::to_string((bytes >> 20) + (bytes % (u64{1} << 20) != 0)) + " MiB";
}

MemoryBudget& MemoryBudget::process() {
  static MemoryBudget budget(static_cast<u64>(sysconf(_SC_PHYS_PAGES)) * static_cast<u64>(sysconf(_SC_PAGESIZE)) / 2);
  return budget;
}

bool MemoryBudget::try_charge(u64 bytes) noexcept {
  u64 used = used_.load(std::memory_order_relaxed);
  do {
    const u64 limit = limit_.load(std::memory_order_relaxed);
    if (used > limit || bytes > limit - used) return false;
  } while (!used_.compare_exchange_weak(used, used + bytes, std::memory_order_relaxed));
  return true;
}

Error MemoryBudget::refusal(std::string_view what, u64 bytes) const {
  const u64 limit_bytes = limit();
  const u64 used_bytes = used();
  const u64 left_bytes = used_bytes < limit_bytes ? limit_bytes - used_bytes : 0;
  return Error(ENOMEM, std::string(what) + " needs " + format_bytes(bytes) + ", " + format_bytes(left_bytes) + " of " +
                           format_bytes(limit_bytes) + " left");
}

MemoryCharge& MemoryCharge::operator=(MemoryCharge&& other) noexcept {
  std::swap(budget_, other.budget_);
  bytes_.store(other.bytes_.exchange(bytes_.load(std::memory_order_relaxed)), std::memory_order_relaxed);
  return *this;
}

MemoryCharge::~MemoryCharge() {
  if (budget_ != nullptr) budget_->release(bytes());
}

Result<MemoryCharge> MemoryCharge::make(MemoryBudget& budget, std::string_view what, u64 bytes) {
  if (!budget.try_charge(bytes)) return budget.refusal(what, bytes);
  MemoryCharge charge;
  charge.budget_ = &budget;
  charge.bytes_.store(bytes, std::memory_order_relaxed);
  return charge;
}

bool MemoryCharge::try_grow(u64 bytes) noexcept {
  if (budget_ == nullptr || !budget_->try_charge(bytes)) return false;
  bytes_.fetch_add(bytes, std::memory_order_relaxed);
  return true;
}

void MemoryCharge::shrink(u64 bytes) noexcept {
  bytes_.fetch_sub(bytes, std::memory_order_relaxed);
  budget_->release(bytes);
}

void set_page_policy(PagePolicy policy) noexcept {
  page_policy.store(policy, std::memory_order_relaxed);
}

MemoryRegion& MemoryRegion::operator=(MemoryRegion&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(fd_, other.fd_);
  return *this;
}

MemoryRegion::~MemoryRegion() {
  if (data_ != nullptr) munmap(data_, size_);
  if (fd_ >= 0) close(fd_);
}

Result<MemoryRegion> MemoryRegion::make(std::string_view what, const MemoryRequest& request) {
  if (request.bytes == 0 || request.bytes > static_cast<u64>(std::numeric_limits<s64>::max()) / 2)
    return Error(ENOMEM, std::string(what) + " needs " + format_bytes(request.bytes) + ", no mapping has that size");
  MemoryRegion region;
  const bool huge = request.bytes >= kHugePage && !request.shared;
  region.size_ = round_up(request.bytes, huge ? kHugePage : kSmallPage);
  if (request.shared) {
    region.data_ = map_shared(region.size_, region.fd_);
  } else {
    if (huge && page_policy.load(std::memory_order_relaxed) == PagePolicy::hugetlb)
      region.data_ = map_hugetlb(region.size_);
    if (region.data_ == nullptr) region.data_ = map_transparent(region.size_);
  }
  if (region.data_ == nullptr) return mapping_refused(what, request.bytes);
  prefer_node(region.data_, region.size_, request.numa_node);
  if (request.populate && madvise(region.data_, region.size_, MADV_POPULATE_WRITE) != 0 && errno == ENOMEM)
    return mapping_refused(what, request.bytes);
  return region;
}

}  // namespace base
