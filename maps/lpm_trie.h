// SPDX-License-Identifier: Apache-2.0
// lpm_trie.h — the writers of the trie whose look-up is in lpm_inline.h (picture there), and its iteration.
//
// An update builds new nodes from the one that changes up to the root, beside the old ones, and swaps the root word.
// What it replaced is given back for later: readers may still be on it. A writer that loses the swap begins again.
//
// Threads   any. Lock-free: an operation is repeated only when another one has got through.
// Lifetime  nodes and elements are reused after a grace period, never before: a look-up follows links between them.
//           Writers must be readers of the reclamation domain themselves (a worker, or a control thread in a
//           ReadSection).
// Errors    EINVAL prefix longer than the key, unknown flag; ENOSPC full; EEXIST, ENOENT by flag; ENOMEM.
// Cost      update: one copied node for every six bits of the prefix that others share, at most 784 bytes each. Memory:
//           up to one node of 32 bytes per six bits of a prefix that stands alone.
// Source    bpf(2), the running kernel: order of iteration, host bits of keys are kept as they were given.
#pragma once

#include <atomic>
#include <string_view>
#include <vector>

#include "base/memory.h"
#include "base/result.h"
#include "bpf/registry/map_ops.h"
#include "maps/growing_pool.h"
#include "maps/lpm_inline.h"

namespace maps {

class LpmTrie : public lpm_map {
 public:
  static constexpr u32 kDataBytesMax = 256;
  static constexpr u32 kLevelsMax = kDataBytesMax * 8 / MAPS_LPM_STRIDE + 1;
  // Elements and nodes that may wait for readers, beside those in use.
  static constexpr u32 kWaitingMax = 1U << 16;

  LpmTrie() : lpm_map{} {}
  LpmTrie(const LpmTrie&) = delete;
  LpmTrie& operator=(const LpmTrie&) = delete;
  base::Status init(const bpf::MapSpec& spec);

  int copy_value(const void* key, base::Bytes value) const noexcept;
  int update(const void* key, const void* value, u64 flags, u32 lane) noexcept;
  int erase(const void* key, u32 lane) noexcept;
  // Linux's order: a prefix comes behind all longer ones that it covers, 0 before 1. nullptr or an unknown key: the
  // first.
  int next_key(const std::byte* key, std::byte* next) const noexcept;

  u64 memory_bytes() const noexcept { return charge_.bytes(); }
  u64 entry_count() const noexcept { return count_.load(std::memory_order_relaxed); }

 private:
  // A prefix on its way through the trie.
  struct Prefix {
    const u8* data;
    u32 data_size;
    u32 length;
    u32 bits_at(u32 depth) const { return maps_lpm_bits(data, data_size, depth); }
  };
  // The nodes from the root to the one that holds a prefix, and what a writer made of them.
  struct Path {
    u64 root = 0;
    u32 levels = 0;   // nodes a path to the prefix has
    u32 present = 0;  // how many of them there are
    u32 element = 0;  // the prefix's own, 0: not there
    u32 old_refs[kLevelsMax];
    u32 new_refs[kLevelsMax];
  };
  // One node taken apart.
  struct Draft;

  Prefix prefix_of(const void* key) const noexcept;
  const lpm_node& node(u32 ref) const noexcept { return *maps_lpm_node(this, ref); }
  void walk(const Prefix& prefix, Path& path) const noexcept;
  u32 make_element(const void* key, const void* value, u32 lane) noexcept;
  u32 make_node(const Draft& draft, u32 lane) noexcept;
  bool rebuild(const Prefix& prefix, Path& path, u32 element, u32 lane) noexcept;
  bool swap_root(Path& path, u64 root, u32 lane) noexcept;
  void discard(Path& path, u32 lane) noexcept;
  bool take_count() noexcept;

  u32 first_in(u32 ref, u32 depth, u32 length, u32 bits, const Prefix* after) const noexcept;
  u32 first_in_node(u32 ref, u32 depth, const Prefix* after) const noexcept;

  base::MemoryCharge charge_;
  GrowingPool elements_pool_;
  GrowingPool node_pools_[MAPS_LPM_CLASSES];
  std::atomic<u64> count_{0};
};

}  // namespace maps
