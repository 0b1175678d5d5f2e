// SPDX-License-Identifier: Apache-2.0
// ringbuf.cc — the memory of BPF_MAP_TYPE_RINGBUF and BPF_MAP_TYPE_USER_RINGBUF: picture in bpf/abi/host/ringbuf.h,
// producers in bpf/runtime/ringbuf.c.
//
// Shape     the memfd that clients map has consumer position, producer position, data and spill: two pages and twice
//           max_entries. The ring's own state is private.
// Errors    create: EINVAL max_entries is no power of two, or less than a page. Elements: ENOTSUPP; a program's delete
//           and bpf(2)'s too.
// Cost      memory is twice max_entries, faulted in at once.
// Source    bpf(2), the running kernel.
#include "bpf/abi/host/ringbuf.h"

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bit>
#include <cstring>

#include "base/memory.h"
#include "base/unique_fd.h"
#include "maps/check.h"
#include "maps/head.h"
#include "maps/ops.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime = complete({});

constexpr u64 kPage = 4096;
constexpr u64 kPositionPages = 2;

constexpr MapRules kRules = {.flags = bpf::BPF_F_NUMA_NODE,
                             .key_size_min = 0,
                             .key_size_max = 0,
                             .value_size_min = 0,
                             .value_size_max = 0,
                             .value_too_large = EINVAL};

// Address space for one ring, at a multiple of its span.
class Span {
 public:
  Span() = default;
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;
  ~Span() {
    if (begin_ != nullptr) munmap(begin_, BPF_RINGBUF_SPAN);
  }

  base::Status reserve(const std::string& what) {
    void* p = mmap(nullptr, 2 * BPF_RINGBUF_SPAN, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return base::Error(ENOMEM, what + ": no address space is left: " + std::strerror(errno));
    const u64 at = reinterpret_cast<u64>(p);
    const u64 begin = (at + BPF_RINGBUF_SPAN - 1) & ~(BPF_RINGBUF_SPAN - 1);
    if (begin != at) munmap(p, begin - at);
    const u64 left = at + BPF_RINGBUF_SPAN - begin;
    if (left != 0) munmap(reinterpret_cast<void*>(begin + BPF_RINGBUF_SPAN), left);
    begin_ = reinterpret_cast<u8*>(begin);
    return base::success();
  }

  // Memory in place of a part of it: a memfd, or private pages with fd -1.
  base::Status map(const std::string& what, u64 offset, u64 bytes, int fd) {
    const int kind = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;
    void* p = mmap(begin_ + offset, bytes, PROT_READ | PROT_WRITE, kind | MAP_FIXED | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED)
      return base::Error(ENOMEM, what + " needs " + base::format_bytes(bytes) + ": " + std::strerror(errno));
    return base::success();
  }

  u8* begin() const noexcept { return begin_; }

 private:
  u8* begin_ = nullptr;
};

class RingBufMap final : public bpf::Map {
 public:
  explicit RingBufMap(const bpf::MapSpec& spec) : bpf::Map(spec) {
    fill_head(ring_.map, spec, &kRuntime);
    ring_.wake_fd = -1;
  }

  static base::Status check(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_spec(spec, kRules));
    if (std::has_single_bit(spec.max_entries) && spec.max_entries >= kPage) return base::success();
    return base::Error(EINVAL, "map '" + spec.name + "': max_entries is " + std::to_string(spec.max_entries) +
                                   ", a ring buffer takes a power of two of 4096 or more");
  }

  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<RingBufMap>(spec);
    SLUICE_CHECK(map->init());
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &ring_.map; }
  int lookup(ConstBytes, Bytes) { return kNotSupported; }
  int update(ConstBytes, ConstBytes, u64) { return kNotSupported; }
  int erase(ConstBytes) { return kNotSupported; }
  int next_key(ConstBytes, Bytes) { return kNotSupported; }
  base::Status freeze() { return memory_.seal(true); }
  int memory_fd() const { return memory_.fd(); }
  int wake_fd() const { return wake_.get(); }
  u64 memory_bytes() const { return charge_.bytes(); }
  u64 entry_count() const { return 0; }

 private:
  base::Status init() {
    const std::string what = "map '" + spec().name + "'";
    const u64 size = spec().max_entries;
    const u64 shared = kPositionPages * kPage + 2 * size;
    const u64 marks = (size / 64 + kPage - 1) / kPage * kPage;
    SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, shared + marks + kPage));
    base::MemoryRequest request{shared};
    request.numa_node = (spec().map_flags & bpf::BPF_F_NUMA_NODE) ? static_cast<int>(spec().numa_node) : -1;
    request.shared = true;
    SLUICE_TRY(memory_, base::MemoryRegion::make(what, request));
    SLUICE_TRY(marks_, base::MemoryRegion::make(what, {marks}));
    SLUICE_CHECK(span_.reserve(what));
    SLUICE_CHECK(span_.map(what, 0, kPage, -1));
    SLUICE_CHECK(span_.map(what, kPage, shared, memory_.fd()));
    wake_ = base::UniqueFd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake_) return base::Error(ENOMEM, what + ": eventfd: " + std::strerror(errno));
    u8* positions = span_.begin() + kPage;
    *reinterpret_cast<bpf_ringbuf**>(span_.begin()) = &ring_;
    ring_.mask = size - 1;
    ring_.consumer_pos = reinterpret_cast<u64*>(positions);
    ring_.producer_pos = reinterpret_cast<u64*>(positions + kPage);
    ring_.data = positions + kPositionPages * kPage;
    ring_.written = reinterpret_cast<u64*>(marks_.data());
    ring_.wake_fd = wake_.get();
    return base::success();
  }

  bpf_ringbuf ring_{};
  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
  base::MemoryRegion marks_;
  Span span_;
  base::UniqueFd wake_;
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::ringbuf_map_ops = maps::map_ops<maps::RingBufMap>();
constinit const bpf::MapOps bpf::user_ringbuf_map_ops = maps::map_ops<maps::RingBufMap>();
