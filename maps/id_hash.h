// SPDX-License-Identifier: Apache-2.0
// id_hash.h — the writers of the hash whose look-up is in id_hash_inline.h (picture there).
//
// Threads   writers and iteration are control threads only; they take turns. Look-ups go on beside them.
// Lifetime  an object that leaves is kept, and its slot not reused, until every worker has been quiescent.
// Errors    E2BIG full, EEXIST, ENOENT by flag, then what is wrong with the object.
// Cost      an entry: key, id and 8 bytes of links; buckets are max_entries rounded up to a power of two.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/memory.h"
#include "base/reclaim.h"
#include "maps/id_hash_inline.h"
#include "maps/ops.h"

namespace maps {

class IdHash : public id_hash_map {
 public:
  IdHash() : id_hash_map{} {}
  IdHash(const IdHash&) = delete;
  IdHash& operator=(const IdHash&) = delete;
  ~IdHash();
  base::Status init(const bpf::MapSpec& spec);

  // The id of a key, 0: none.
  u64 find(ConstBytes key) const noexcept;
  int update(ConstBytes key, bpf::MapObject object, u64 flags);
  int erase(ConstBytes key);
  // Bucket by bucket. An empty or unknown key: the first one.
  int next_key(ConstBytes key, Bytes next) const;

  u64 memory_bytes() const { return charge_.bytes(); }
  u64 entry_count() const;

 private:
  struct Waiting {
    u64 token;
    u32 slot;
  };

  u32 find_slot(const std::byte* key) const noexcept;
  u32 bucket_of(const void* key) const noexcept {
    return static_cast<u32>(maps_hash(key, shape().key_size, seed) & bucket_mask);
  }
  const bpf_map_shape& shape() const noexcept { return ids.map.shape; }
  u64* key_of(u32 slot) const noexcept { return keys + u64{slot - 1} * (maps_round_up8(shape().key_size) / 8); }
  u32 take_slot();
  void copy_key(u32 slot, Bytes key) const { maps_fetch_bytes(key.data(), key_of(slot), shape().key_size); }

  mutable std::mutex mutex_;  // control threads only
  std::vector<std::shared_ptr<const void>> owners_;
  std::vector<u32> free_;
  std::vector<Waiting> waiting_;  // oldest first
  u32 fresh_ = 1;                 // the next slot that nobody has had
  u32 count_ = 0;
  base::MemoryCharge charge_;
  base::MemoryRegion memory_;
};

// What maps of objects by key have in common.
class IdHashMap : public bpf::Map {
 public:
  bpf_map* head() noexcept final { return &hash_.ids.map; }
  int erase(ConstBytes key) { return hash_.erase(key); }
  int next_key(ConstBytes key, Bytes next) { return hash_.next_key(key, next); }
  u64 memory_bytes() const { return hash_.memory_bytes(); }
  u64 entry_count() const { return hash_.entry_count(); }
  base::Status init() { return hash_.init(spec()); }

 protected:
  using bpf::Map::Map;

  IdHash hash_;
};

template <class M>
base::Result<std::unique_ptr<bpf::Map>> make_id_hash(const bpf::MapSpec& spec) {
  auto map = std::make_unique<M>(spec);
  SLUICE_CHECK(map->init());
  return std::unique_ptr<bpf::Map>(std::move(map));
}

}  // namespace maps
