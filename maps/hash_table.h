// SPDX-License-Identifier: Apache-2.0
// hash_table.h — the writers of the hash table whose look-up is in hash_inline.h (picture there).
//
// An insert reserves a free slot with one compare-and-swap (the entry is there but does not count), and publishes it
// with a compare-and-swap on the bucket's control word as it was before the search for the key. The control word
// changes with every insert, so two threads cannot both insert one key; the one that loses searches again. A bucket
// whose seven slots are taken continues in a list of lines that are replaced as a whole by the same compare-and-swap.
//   insert   slot: free -> entry;  control: publish          replace  slot: entry -> entry, the value in a new node
//   erase    slot: entry -> dead;  control: unpublish;       slot: dead -> free; whoever meets a dead slot goes on
// A thread that stops anywhere in between blocks nobody: at worst one slot of the bucket is out of use meanwhile.
//
// A value with a lock: BPF_F_LOCK writes and reads the node in place under it. Who holds the lock has seen the node in
// its place since, and a node is given to a new element under its lock, so that nobody who comes too late meets half of
// each.
//
// Threads   any. Lock-free, but for values' locks: an operation is repeated only when another one has got through.
// Lifetime  preallocated: a node is reused at once, as in Linux. BPF_F_NO_PREALLOC: after a grace period, unless a
//           reader holds it up for so long that HashNodes::kLimboNodes are waiting.
// Errors    E2BIG full; EEXIST, ENOENT by flag; EINVAL unknown flag; ENOMEM where BPF_F_NO_PREALLOC may not grow, or
//           where an LRU table found nothing to evict.
// Cost      replace: a copy of key and value, 2 atomic operations; no line is shared between CPUs but the bucket's.
//           insert into a full LRU table: the next node behind the hand, whose line is near, and its bucket's.
// Source    bpf(2), the host kernel. Slot versions have 20 bits: a stale compare-and-swap is taken for a fresh one only
//           if its slot changed a multiple of 2^20 times during one instruction's preemption, ending with the same tag
//           and node.
#pragma once

#include <atomic>
#include <optional>
#include <span>

#include "base/memory.h"
#include "base/result.h"
#include "bpf/registry/map_ops.h"
#include "maps/hash_inline.h"
#include "maps/hash_nodes.h"
#include "maps/lru_hands.h"
#include "maps/node_store.h"

namespace maps {

extern "C" uint64_t maps_hash_count(const bpf_map* map);

// What the bodies in the runtime bitcode call.
extern const bpf_native kHashNatives[];

class HashTable : public hash_map {
 public:
  // As Linux, whose bucket array must stay below 4 GiB.
  static constexpr u32 kEntriesMax = 1U << 27;
  static constexpr u32 kLanesMax = 64;

  HashTable() : hash_map{} {}
  HashTable(const HashTable&) = delete;
  HashTable& operator=(const HashTable&) = delete;
  // `form`: MAPS_HASH_PERCPU, MAPS_HASH_LRU, or both; with BPF_F_NO_COMMON_LRU every CPU has its own share of entries.
  base::Status init(const bpf::MapSpec& spec, int form);

  // From bpf(2): `value` has the layout that bpf(2) gives it.
  int copy_value(const void* key, base::Bytes value, u64 flags = 0) noexcept;
  int update(const void* key, const void* value, u64 flags, u32 lane) noexcept;
  // From a program: one CPU's value of a per-CPU map.
  int update_on_cpu(const void* key, const void* value, u64 flags, u32 cpu) noexcept;
  int erase(const void* key, u32 lane, base::Bytes* old_value = nullptr, u64 flags = 0) noexcept;
  int next_key(const std::byte* key, std::byte* next) noexcept;
  // The first entry at or behind `cursor` (bpf::cursor_of), which moves behind it. -ENOENT: there is none.
  int scan(u64& cursor, bool take, u32 lane, std::byte* key, base::Bytes value, u64 flags) noexcept;

  // Calls a program's function for each entry, until that gives other than 0; how many it was called for.
  u32 each(bpf_env& env, const bpf_callback& visit, u64 ctx) noexcept;

  u64 memory_bytes() const noexcept { return charge_.bytes(); }
  u64 entry_count() const noexcept;
  u32 find(const void* key, u64 hash_value) noexcept;

 private:
  static constexpr u32 kAllCpus = ~0U;
  static constexpr u32 kVisitNodes = 32;  // noted at a time; buckets with more are rare

  // Where an entry was seen. node 0: nowhere; `control` is then the bucket's state of which that is true.
  struct Place {
    u64* bucket = nullptr;
    u64 control = 0;
    u64* word = nullptr;  // slot of the bucket, or of an overflow line
    u64 slot = 0;
    u32 node = 0;
    u32 line = 0;  // overflow line, 0: in the bucket
  };
  struct Write;

  u64* bucket_of(u64 hash_value) const noexcept { return buckets + (hash_value & bucket_mask) * MAPS_HASH_LINE_WORDS; }
  u64* line_of(u64 line) const noexcept { return overflow + line * MAPS_HASH_LINE_WORDS; }
  u64* key_of(u32 node) const noexcept { return reinterpret_cast<u64*>(nodes + node * stride_); }
  u64* value_of(u32 node) const noexcept { return key_of(node) + key_words_; }
  u64* value_of(u32 node, u32 cpu) const noexcept {
    return reinterpret_cast<u64*>(maps_percpu_hash_value(const_cast<HashTable*>(this), map.shape, node, cpu));
  }

  Place examine(u64* bucket, u32 at, u64 tag, const void* key, u32 tries_max) const noexcept;
  Place locate(const void* key, u64 hash_value, u32 tries_max) const noexcept;
  bool still_at(const Place& place) const noexcept;
  int write(const void* key, const void* value, u64 flags, u32 lane, u32 cpu) noexcept;
  int replace(const Place& place, Write& write) noexcept;
  int insert(Place& place, Write& write) noexcept;
  bool publish(Place& place, Write& write, u32 at, u64 reserved) noexcept;
  int fill(Write& write, const Place& place) noexcept;
  void put_percpu(u32 node, const Write& write, bool new_key) noexcept;
  void put_piece(u64* to, const void* from, u32 size) noexcept;
  void fetch_piece(std::byte* to, const u64* from, u32 size) const noexcept;
  void put_new(u32 node, const void* value) noexcept;
  int rewrite(const Place& place, const Write& write) noexcept;
  void drop(Write& write) noexcept;
  int unlink(const Place& place) noexcept;
  void retire(u32 lane, u32 node) noexcept;
  u32 evict(u32 lane) noexcept;
  u32 evict_within(u32 lane, u32 tries, bool second_chance) noexcept;
  bool evict_node(u32 node) noexcept;
  std::optional<u32> reserve_slot(u64* bucket, u64 entry, u64& reserved) noexcept;
  void clean(u64* bucket, u32 at, u64 dead) noexcept;

  int overflow_insert(const Place& place, u64 entry) noexcept;
  int overflow_change(const Place& place, u64 entry) noexcept;
  u32 copy_line(u32 line) noexcept;
  u32 copy_list(const Place& place, u32& target) noexcept;
  void give_lines(u32 line, u32 end) noexcept;
  bool swing(const Place& place, u64 head) noexcept;

  bool take_count() noexcept;
  void fetch(const Place& place, base::Bytes value) const noexcept;
  Place entry_from(u64* bucket, u32& at) const noexcept;
  u32 collect(u64* bucket, u32& at, std::span<u32> found) const noexcept;
  bool next_in_bucket(const u64* bucket, const Place* after, std::byte* next, bool& changed) const noexcept;

  bool percpu() const noexcept { return form_ & MAPS_HASH_PERCPU; }
  bool lru() const noexcept { return form_ & MAPS_HASH_LRU; }

  int form_ = 0;
  bool preallocated_ = true;
  u32 key_words_ = 0;
  u64 stride_ = 0;
  HashNodes store_;
  NodeStore lines_;
  LruHands hands_;
  std::atomic<u64> live_{0};  // BPF_F_NO_PREALLOC
  base::MemoryCharge charge_;
  base::MemoryRegion bucket_memory_;
  base::MemoryRegion line_memory_;
  base::MemoryRegion node_memory_;
  base::MemoryRegion value_memory_;
};

}  // namespace maps
