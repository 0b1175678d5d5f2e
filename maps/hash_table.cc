// SPDX-License-Identifier: Apache-2.0
#include "maps/hash_table.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>

#include "base/percpu.h"
#include "bpf/abi/flags.h"
#include "maps/fields.h"
#include "maps/hash_words.h"
#include "maps/test_fault.h"

namespace maps {

using namespace hash_word;

// What one update carries through its attempts.
struct HashTable::Write {
  const void* key;
  const void* value;
  u64 hash_value;
  u64 flags;
  u32 lane;
  u32 cpu;               // kAllCpus: `value` has every CPU's
  HashNodes::Node node;  // taken and filled, not in the table yet
  bool for_key = false;  // ... for a new key
  bool counted = false;
};

namespace {

void random_seed(u64 seed[2], bool zero) {
  seed[0] = 0x9e3779b97f4a7c15;
  seed[1] = 0xd6e8feb86659fd93;
  u64 noise[2];
  if (!zero && getrandom(noise, sizeof noise, 0) == sizeof noise) {
    seed[0] ^= noise[0];
    seed[1] ^= noise[1];
  }
  seed[1] |= 1;  // never 0: a product with 0 would forget the key
}

}  // namespace

base::Status HashTable::init(const bpf::MapSpec& spec, int form) {
  form_ = form;
  preallocated_ = (spec.map_flags & bpf::BPF_F_NO_PREALLOC) == 0;
  stride_ = maps_hash_stride(map.shape, form);
  key_words_ = maps_round_up8(spec.key_size) / 8;
  cpu_count = base::possible_cpu_count();
  random_seed(seed, (spec.map_flags & bpf::BPF_F_ZERO_SEED) != 0);

  const u64 buckets_count = std::bit_ceil((u64{spec.max_entries} + 3) / 4);
  const u64 value_bytes = maps_round_up8(spec.value_size);
  const bool shares = (spec.map_flags & bpf::BPF_F_NO_COMMON_LRU) != 0;
  const HashNodes::Plan plan = {.max_entries = spec.max_entries,
                                .preallocated = preallocated_,
                                .replaces = !percpu(),
                                .stock = !lru(),
                                .parts = shares ? cpu_count : 1,
                                .lanes = shares ? 1 : std::min(cpu_count, kLanesMax),
                                .stride = stride_,
                                .charge_bytes = stride_ + (percpu() ? cpu_count * value_bytes : 0)};
  const u64 nodes_count = HashNodes::count(plan);
  // Every linked line but the first of a bucket is full; a change deep in a list copies as many lines once more.
  const u64 lines_count = std::min<u64>(buckets_count, spec.max_entries) + 2 * (u64{spec.max_entries} / kSlots) + 64;
  cpu_stride = ((nodes_count + 1) * value_bytes + base::kCacheLine - 1) / base::kCacheLine * base::kCacheLine;

  const u64 bucket_bytes = buckets_count * base::kCacheLine;
  const u64 line_bytes = (lines_count + 1) * base::kCacheLine;
  const u64 node_bytes = (nodes_count + 1) * stride_;
  const u64 percpu_bytes = percpu() ? cpu_stride * cpu_count : 0;
  const std::string what = "map '" + spec.name + "'";
  const u64 now = bucket_bytes + line_bytes + (preallocated_ ? node_bytes + percpu_bytes : 0);
  SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, now));

  const int numa = (spec.map_flags & bpf::BPF_F_NUMA_NODE) ? static_cast<int>(spec.numa_node) : -1;
  SLUICE_TRY(bucket_memory_, base::MemoryRegion::make(what, {bucket_bytes, numa, preallocated_}));
  SLUICE_TRY(line_memory_, base::MemoryRegion::make(what, {line_bytes, numa, false}));
  SLUICE_TRY(node_memory_, base::MemoryRegion::make(what, {node_bytes, numa, preallocated_}));
  if (percpu()) {
    SLUICE_TRY(value_memory_, base::MemoryRegion::make(what, {percpu_bytes, numa, preallocated_}));
    percpu_values = reinterpret_cast<u8*>(value_memory_.data());
  }
  buckets = reinterpret_cast<u64*>(bucket_memory_.data());
  bucket_mask = buckets_count - 1;
  overflow = reinterpret_cast<u64*>(line_memory_.data());
  nodes = reinterpret_cast<u8*>(node_memory_.data()) + (lru() ? sizeof(u64) : 0);

  // The stores' links lie in the keys' first words: a look-up that still compares such a key looks at its slot again.
  store_.init(plan, reinterpret_cast<std::byte*>(nodes), &charge_);
  spares = store_.lane_spares();
  spare_lanes = spares != nullptr ? plan.lanes : 0;
  lines_.init(line_memory_.data(), base::kCacheLine, 1, static_cast<u32>(lines_count), 1);
  if (lru()) hands_.init(plan.parts, std::min(cpu_count, kLanesMax));
  return base::success();
}

// ---- searching

// The key's place if it is in this slot. A slot that changes while its node is looked at may have been given to another
// key with it, and is looked at again.
HashTable::Place HashTable::examine(u64* bucket, u32 at, u64 tag, const void* key, u32 tries_max) const noexcept {
  for (u32 tries = 0; tries < tries_max; ++tries) {
    const u64 slot = load(&bucket[at]);
    if (tag_of(slot) != tag) break;
    const u32 node = node_of(slot);
    const bool equal = maps_key_equal(key_of(node), key, map.shape.key_size);
    read_fence();
    const u64 control = load(&bucket[kControl]);
    if (load(&bucket[at]) != slot && !seeded("look_once")) continue;
    if (equal && (control & published_bit(at))) return {bucket, control, &bucket[at], slot, node, 0};
    break;
  }
  return {};
}

HashTable::Place HashTable::locate(const void* key, u64 hash_value, u32 tries_max) const noexcept {
  u64* bucket = bucket_of(hash_value);
  const u64 tag = maps_hash_tag(hash_value);
  const u32 key_size = map.shape.key_size;
  Place candidate;
  for (u32 tries = 0; tries < tries_max; ++tries) {
    const u64 control = load(&bucket[kControl]);
    for (u64 match = maps_hash_match(bucket, tag); match != 0; match &= match - 1) {
      const Place place = examine(bucket, static_cast<u32>(std::countr_zero(match)) / 8, tag, key, tries_max);
      if (place.node != 0) return place;
    }
    Place place{bucket, control, nullptr, 0, 0, 0};
    bool stable = true;
    for (u64 line = node_of(control); line != 0 && stable && place.node == 0;
         line = node_of(load(&line_of(line)[kControl]))) {
      for (u32 at = 0; at < kSlots && place.node == 0; ++at) {
        u64* word = &line_of(line)[at];
        const u64 entry = load(word);
        if (tag_of(entry) == tag && maps_key_equal(key_of(node_of(entry)), key, key_size))
          place = {bucket, control, word, entry, static_cast<u32>(node_of(entry)), static_cast<u32>(line)};
      }
      read_fence();
      stable = load(&bucket[kControl]) == control;
    }
    if (stable) return place;
    if (place.node != 0) candidate = place;
  }
  // The list changed during every look at it. What was seen in it with the key was the key's while this search ran.
  if (candidate.node != 0) return candidate;
  return {bucket, load(&bucket[kControl]), nullptr, 0, 0, 0};
}

u32 HashTable::find(const void* key, u64 hash_value) noexcept {
  return locate(key, hash_value, MAPS_HASH_TRIES_MAX).node;
}

bool HashTable::still_at(const Place& place) const noexcept {
  read_fence();
  return place.line == 0 ? load(place.word) == place.slot : load(&place.bucket[kControl]) == place.control;
}

void HashTable::fetch_piece(std::byte* to, const u64* from, u32 size) const noexcept {
  if (map.fields != nullptr) return fetch_around(to, from, size, *map.fields);
  maps_fetch_bytes(to, from, size);
}

void HashTable::fetch(const Place& place, base::Bytes value) const noexcept {
  const u32 size = map.shape.value_size;
  if (!percpu()) return fetch_piece(value.data(), value_of(place.node), size);
  const u32 stride = maps_round_up8(size);
  for (u32 cpu = 0; cpu < cpu_count; ++cpu)
    fetch_piece(value.data() + u64{cpu} * stride, value_of(place.node, cpu), stride);
}

int HashTable::copy_value(const void* key, base::Bytes value, u64 flags) noexcept {
  const bool locks = (flags & bpf::BPF_F_LOCK) != 0;
  const u64 hash_value = maps_hash(key, map.shape.key_size, seed);
  for (u32 tries = 0;; ++tries) {
    const Place place = locate(key, hash_value, MAPS_HASH_TRIES_MAX);
    if (place.node == 0) return -ENOENT;
    ValueLock lock(value_of(place.node), map.fields, locks);
    fetch(place, value);
    if (still_at(place) || (!locks && tries >= MAPS_HASH_TRIES_MAX)) return 0;
  }
}

// ---- update

int HashTable::update(const void* key, const void* value, u64 flags, u32 lane) noexcept {
  return write(key, value, flags, lane, kAllCpus);
}

int HashTable::update_on_cpu(const void* key, const void* value, u64 flags, u32 cpu) noexcept {
  return write(key, value, flags, cpu, cpu);
}

int HashTable::write(const void* key, const void* value, u64 flags, u32 lane, u32 cpu) noexcept {
  const bool locks = (flags & bpf::BPF_F_LOCK) != 0;
  if ((flags & ~bpf::BPF_F_LOCK) > bpf::BPF_EXIST) return -EINVAL;
  if (locks && (map.fields == nullptr || map.fields->lock == BPF_VALUE_HAS_NO)) return -EINVAL;
  flags &= ~bpf::BPF_F_LOCK;
  Write write{key, value, maps_hash(key, map.shape.key_size, seed), flags, lane, cpu};
  int result = kAgain;
  while (result == kAgain) {
    Place place = locate(key, write.hash_value, ~0U);
    if (place.node == 0)
      result = flags == bpf::BPF_EXIST ? -ENOENT : insert(place, write);
    else if (flags == bpf::BPF_NOEXIST)
      result = -EEXIST;
    else
      result = locks ? rewrite(place, write) : replace(place, write);
  }
  drop(write);
  return result;
}

// Gives back what the update took and did not need.
void HashTable::drop(Write& write) noexcept {
  if (write.node.number != 0) store_.give_back(write.node);
  if (write.counted) live_.fetch_sub(1, std::memory_order_relaxed);
  write.node = {};
  write.counted = false;
}

int HashTable::fill(Write& write, const Place& place) noexcept {
  const bool new_key = place.node == 0;
  // The key has come or gone since, or has moved: another kind of node is needed.
  if (write.node.number != 0 && (write.for_key != new_key || !store_.may_replace(write.node, place.node))) drop(write);
  if (!preallocated_ && new_key && !write.counted && !(write.counted = take_count())) return -E2BIG;
  if (write.node.number != 0) return 0;
  write.for_key = new_key;
  write.node = new_key ? store_.take_entry(write.lane) : store_.take_value(write.lane, place.node);
  if (write.node.number == 0 && lru()) write.node.number = evict(write.lane);
  const u32 node = write.node.number;
  if (node == 0) return !preallocated_ || lru() ? -ENOMEM : new_key ? -E2BIG : -EBUSY;
  maps_store_bytes(key_of(node), write.key, map.shape.key_size);
  if (lru()) {
    u8* key = nodes + node * stride_;
    __atomic_store_n(maps_lru_hash(key), static_cast<u32>(write.hash_value), __ATOMIC_RELAXED);
    __atomic_store_n(maps_lru_used(key), new_key ? 0 : 1, __ATOMIC_RELAXED);
  }
  if (percpu())
    put_percpu(node, write, true);
  else
    put_new(node, write.value);
  return 0;
}

void HashTable::put_new(u32 node, const void* value) noexcept {
  if (map.fields == nullptr) return maps_store_bytes(value_of(node), value, map.shape.value_size);
  ValueLock lock(value_of(node), map.fields, !seeded("fill_unlocked"));
  clear_fields(value_of(node), *map.fields);
  store_around(value_of(node), value, map.shape.value_size, *map.fields);
}

// BPF_F_LOCK on a key that is there: programs that hold the value see the new one.
int HashTable::rewrite(const Place& place, const Write& write) noexcept {
  ValueLock lock(value_of(place.node), map.fields);
  if (!still_at(place) && !seeded("rewrite_blind")) return kAgain;
  test_point();
  store_around(value_of(place.node), write.value, map.shape.value_size, *map.fields);
  return 0;
}

void HashTable::put_piece(u64* to, const void* from, u32 size) noexcept {
  if (map.fields != nullptr) return store_around(to, from, size, *map.fields);
  maps_store_bytes(to, from, size);
}

// A new key of a per-CPU map begins with zeros on the CPUs that the update does not speak of.
void HashTable::put_percpu(u32 node, const Write& write, bool new_key) noexcept {
  const u32 stride = maps_round_up8(map.shape.value_size);
  for (u32 cpu = 0; cpu < cpu_count; ++cpu) {
    if (new_key && map.fields != nullptr) clear_fields(value_of(node, cpu), *map.fields);
    if (write.cpu == kAllCpus)
      put_piece(value_of(node, cpu), static_cast<const u8*>(write.value) + u64{cpu} * stride, stride);
    else if (write.cpu == cpu)
      put_piece(value_of(node, cpu), write.value, map.shape.value_size);
    else if (new_key)
      for (u32 i = 0; i < stride / 8; ++i) store(&value_of(node, cpu)[i], 0);
  }
}

int HashTable::replace(const Place& place, Write& write) noexcept {
  if (percpu()) {
    if (lru()) maps_lru_touch(nodes + place.node * stride_);
    put_percpu(place.node, write, false);
    return 0;
  }
  if (int error = fill(write, place)) return error;
  const u64 entry = entry_word(write.hash_value, write.node.number);
  if (seeded("give_before_swap") && place.line == 0) {
    const HashNodes::Node fresh = std::exchange(write.node, {});
    store_.exchange(fresh, place.node);
    test_point();
    return swap_word(place.word, place.slot, entry | next_version(place.slot)) ? 0 : kAgain;
  }
  if (place.line == 0) {
    if (!swap_word(place.word, place.slot, entry | next_version(place.slot))) return kAgain;
  } else if (int result = overflow_change(place, entry)) {
    return result;
  }
  store_.exchange(write.node, place.node);
  write.node = {};
  return 0;
}

int HashTable::insert(Place& place, Write& write) noexcept {
  if (int error = fill(write, place)) return error;
  const u64 entry = entry_word(write.hash_value, write.node.number);
  u64 reserved = 0;
  const auto at = reserve_slot(place.bucket, entry, reserved);
  if (!at) {
    if (int result = overflow_insert(place, entry)) return result;
  } else if (!publish(place, write, *at, reserved)) {
    return kAgain;
  }
  write.node = {};
  write.counted = false;
  return 0;
}

// Makes the reserved entry count. False: another thread has inserted the key meanwhile; the slot is free again.
bool HashTable::publish(Place& place, Write& write, u32 at, u64 reserved) noexcept {
  for (;;) {
    const u64 desired = next_control(place.control, place.control | published_bit(at), node_of(place.control));
    if (swap_word(&place.bucket[kControl], place.control, desired)) return true;
    place = locate(write.key, write.hash_value, ~0U);
    if (place.node == 0) continue;
    __atomic_store_n(&place.bucket[at], next_version(reserved), __ATOMIC_RELEASE);
    return false;
  }
}

std::optional<u32> HashTable::reserve_slot(u64* bucket, u64 entry, u64& reserved) noexcept {
  for (u32 at = 0; at < kSlots; ++at) {
    u64 slot = load(&bucket[at]);
    if (tag_of(slot) == 0 && node_of(slot) == kDead) {
      clean(bucket, at, slot);
      slot = load(&bucket[at]);
    }
    if (tag_of(slot) != 0 || node_of(slot) != 0) continue;
    reserved = entry | next_version(slot);
    if (swap_word(&bucket[at], slot, reserved)) return at;
  }
  return std::nullopt;
}

// Frees a dead slot, in two steps that any thread may take: it stops counting, then it is free.
void HashTable::clean(u64* bucket, u32 at, u64 dead) noexcept {
  for (;;) {
    const u64 control = load(&bucket[kControl]);
    if (load(&bucket[at]) != dead) return;
    if ((control & published_bit(at)) == 0 || seeded("clean_half")) break;
    if (swap_word(&bucket[kControl], control, next_control(control, control & ~published_bit(at), node_of(control))))
      break;
  }
  swap_word(&bucket[at], dead, next_version(dead));
}

// ---- erase

// 0, kAgain, or a negative errno. The node is the caller's then.
int HashTable::unlink(const Place& place) noexcept {
  if (place.line != 0) return overflow_change(place, 0);
  const u64 dead = next_version(place.slot) | kDead;
  if (!swap_word(place.word, place.slot, dead)) return kAgain;
  clean(place.bucket, static_cast<u32>(place.word - place.bucket), dead);
  return 0;
}

int HashTable::erase(const void* key, u32 lane, base::Bytes* old_value, u64 flags) noexcept {
  const u64 hash_value = maps_hash(key, map.shape.key_size, seed);
  for (;;) {
    const Place place = locate(key, hash_value, ~0U);
    if (place.node == 0) return -ENOENT;
    const int result = unlink(place);
    if (result == kAgain) continue;
    if (result != 0) return result;
    if (old_value != nullptr) {
      ValueLock lock(value_of(place.node), map.fields, (flags & bpf::BPF_F_LOCK) != 0);
      fetch(place, *old_value);
    }
    retire(lane, place.node);
    return 0;
  }
}

void HashTable::retire(u32 lane, u32 node) noexcept {
  store_.retire(lane, node);
  if (!preallocated_) live_.fetch_sub(1, std::memory_order_release);
}

// ---- accounts

// Of BPF_F_NO_PREALLOC.
bool HashTable::take_count() noexcept {
  u64 live = live_.load(std::memory_order_acquire);
  while (live < map.shape.max_entries)
    if (live_.compare_exchange_weak(live, live + 1, std::memory_order_acquire)) return true;
  return false;
}

u64 HashTable::entry_count() const noexcept {
  return preallocated_ ? store_.taken() : live_.load(std::memory_order_relaxed);
}

}  // namespace maps
