// SPDX-License-Identifier: Apache-2.0
// hash.h — BPF_MAP_TYPE_HASH, PERCPU_HASH, LRU_HASH and LRU_PERCPU_HASH as map objects over one HashTable.
//
// Threads, Lifetime, Errors, Cost: maps/hash_table.h and maps/hash_inline.h.
#pragma once

#include "maps/check.h"
#include "maps/hash_table.h"
#include "maps/ops.h"

namespace maps {

inline constexpr MapRules kHashRules = {
    .flags = bpf::BPF_F_NO_PREALLOC | bpf::BPF_F_NUMA_NODE | bpf::BPF_F_ZERO_SEED | kAccessFlags,
    .element_size_end = kKmallocMax - 48,
    .entries_max = HashTable::kEntriesMax};

inline constexpr MapRules kLruRules = [] {
  MapRules rules = kHashRules;
  rules.flags |= bpf::BPF_F_NO_COMMON_LRU;
  rules.flags_not_supported = bpf::BPF_F_NO_PREALLOC;
  return rules;
}();

// As Linux: with BPF_F_NO_COMMON_LRU max_entries becomes a multiple of the possible CPUs, so that all shares are equal.
bpf::MapSpec lru_spec(bpf::MapSpec spec);

class HashObject : public bpf::Map {
 public:
  static constexpr u8 kBatch = bpf::kBatchTable;

  // `around`: the operations where values have fields.
  HashObject(const bpf::MapSpec& spec, const bpf_map_runtime* runtime, const bpf_map_runtime* around);
  base::Status init(int form) { return table_.init(spec(), form); }

  bpf_map* head() noexcept final { return &table_.map; }
  int lookup(ConstBytes key, Bytes value, u64 flags) { return table_.copy_value(key.data(), value, flags); }
  int update(ConstBytes key, ConstBytes value, u64 flags) {
    return table_.update(key.data(), value.data(), flags, base::current_cpu());
  }
  int erase(ConstBytes key) { return table_.erase(key.data(), base::current_cpu()); }
  int lookup_and_delete(ConstBytes key, Bytes value, u64 flags) {
    return table_.erase(key.data(), base::current_cpu(), &value, flags);
  }
  int next_key(ConstBytes key, Bytes next) { return table_.next_key(key.empty() ? nullptr : key.data(), next.data()); }
  int scan(u64& cursor, bool take, Bytes key, Bytes value, u64 flags) {
    return table_.scan(cursor, take, base::current_cpu(), key.data(), value, flags);
  }
  u64 memory_bytes() const { return table_.memory_bytes(); }
  u64 entry_count() const { return table_.entry_count(); }

  HashTable& table() noexcept { return table_; }

 private:
  HashTable table_;
};

}  // namespace maps
