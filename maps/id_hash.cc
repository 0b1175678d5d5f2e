// SPDX-License-Identifier: Apache-2.0
#include "maps/id_hash.h"

#include <bit>
#include <random>

namespace maps {

base::Status IdHash::init(const bpf::MapSpec& spec) {
  const std::string what = "map '" + spec.name + "'";
  const u64 entries = spec.max_entries;
  if (entries >= MAPS_ID_HASH_END) return base::Error(ENOMEM, what + ": as many slots have no numbers");
  const u64 bucket_count = std::bit_ceil(entries);
  const u64 key_bytes = u64{maps_round_up8(spec.key_size)} * entries;
  const u64 bytes = entries * (sizeof(u64) + sizeof(u32)) + key_bytes + bucket_count * sizeof(u32);
  SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, bytes));
  SLUICE_TRY(memory_, base::MemoryRegion::make(what, {bytes}));
  ids.entries = reinterpret_cast<u64*>(memory_.data());
  keys = ids.entries + entries;
  next = reinterpret_cast<u32*>(reinterpret_cast<u8*>(keys) + key_bytes);
  buckets = next + entries;
  bucket_mask = static_cast<u32>(bucket_count - 1);
  std::random_device random;
  seed[0] = u64{random()} << 32 | random();
  seed[1] = (u64{random()} << 32 | random()) | 1;  // a factor: never 0
  // Programs never write the entries.
  ids.map.shape.map_flags |= bpf::BPF_F_RDONLY_PROG;
  return base::success();
}

IdHash::~IdHash() {
  if (!owners_.empty()) base::Reclaim::process().retire([owners = std::move(owners_)]() mutable { owners.clear(); });
}

u64 IdHash::find(ConstBytes key) const noexcept {
  const u64* entry = maps_id_hash_find(const_cast<IdHash*>(this), shape(), key.data());
  return entry == nullptr ? 0 : maps_atomic_load(entry);
}

u32 IdHash::find_slot(const std::byte* key) const noexcept {
  u32 slot = buckets[bucket_of(key)];
  while (!maps_id_hash_is_end(slot) && !maps_key_equal(key_of(slot), key, shape().key_size)) slot = next[slot - 1];
  return maps_id_hash_is_end(slot) ? 0 : slot;
}

u32 IdHash::take_slot() {
  auto& domain = base::Reclaim::process();
  while (!waiting_.empty() && domain.passed(waiting_.front().token)) {
    free_.push_back(waiting_.front().slot);
    waiting_.erase(waiting_.begin());
  }
  if (fresh_ <= shape().max_entries && free_.empty()) return fresh_++;
  u32 slot;
  if (!free_.empty()) {
    slot = free_.back();
    free_.pop_back();
  } else {
    slot = waiting_.front().slot;
    waiting_.erase(waiting_.begin());
  }
  return slot;
}

int IdHash::update(ConstBytes key, bpf::MapObject object, u64 flags) {
  std::shared_ptr<const void> old;
  {
    std::lock_guard lock(mutex_);
    u32 slot = find_slot(key.data());
    if (slot != 0 && flags == bpf::BPF_NOEXIST) return -EEXIST;
    if (object.error != 0) return -object.error;
    if (slot == 0 && flags == bpf::BPF_EXIST) return -ENOENT;
    if (slot == 0) {
      if (count_ == shape().max_entries) return -E2BIG;
      slot = take_slot();
      ++count_;
      maps_store_bytes(key_of(slot), key.data(), shape().key_size);
      const u32 bucket = bucket_of(key.data());
      u32& first = buckets[bucket];
      __atomic_store_n(&next[slot - 1], first == 0 ? MAPS_ID_HASH_END | bucket : first, __ATOMIC_RELEASE);
      __atomic_store_n(&ids.entries[slot - 1], object.id, __ATOMIC_RELEASE);
      __atomic_store_n(&first, slot, __ATOMIC_RELEASE);
    } else {
      __atomic_store_n(&ids.entries[slot - 1], object.id, __ATOMIC_RELEASE);
    }
    if (owners_.size() < slot) owners_.resize(slot);
    old = std::exchange(owners_[slot - 1], std::move(object.keep));
  }
  if (old != nullptr) base::Reclaim::process().retire([old = std::move(old)]() mutable { old.reset(); });
  return 0;
}

int IdHash::erase(ConstBytes key) {
  std::shared_ptr<const void> old;
  {
    std::lock_guard lock(mutex_);
    u32* link = &buckets[bucket_of(key.data())];
    while (!maps_id_hash_is_end(*link) && !maps_key_equal(key_of(*link), key.data(), shape().key_size))
      link = &next[*link - 1];
    const u32 slot = *link;
    if (maps_id_hash_is_end(slot)) return -ENOENT;
    __atomic_store_n(link, next[slot - 1], __ATOMIC_RELEASE);
    __atomic_store_n(&ids.entries[slot - 1], 0, __ATOMIC_RELEASE);
    --count_;
    waiting_.push_back({base::Reclaim::process().start(), slot});
    old = std::move(owners_[slot - 1]);
  }
  if (old != nullptr) base::Reclaim::process().retire([old = std::move(old)]() mutable { old.reset(); });
  return 0;
}

int IdHash::next_key(ConstBytes key, Bytes out) const {
  std::lock_guard lock(mutex_);
  const u32 known = key.empty() ? 0 : find_slot(key.data());
  u32 bucket = 0;
  if (known != 0) {
    if (const u32 after = next[known - 1]; !maps_id_hash_is_end(after)) {
      copy_key(after, out);
      return 0;
    }
    bucket = bucket_of(key.data()) + 1;
  }
  for (; bucket <= bucket_mask; ++bucket) {
    if (maps_id_hash_is_end(buckets[bucket])) continue;
    copy_key(buckets[bucket], out);
    return 0;
  }
  return -ENOENT;
}

u64 IdHash::entry_count() const {
  std::lock_guard lock(mutex_);
  return count_;
}

}  // namespace maps
