// SPDX-License-Identifier: Apache-2.0
#include "maps/hash_table.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>

#include "base/percpu.h"
#include "bpf/abi/flags.h"
#include "maps/test_point.h"

namespace maps {

// What one update carries through its attempts.
struct HashTable::Write {
  const void* key;
  const void* value;
  u64 hash_value;
  u64 flags;
  u32 lane;
  u32 cpu;             // kAllCpus: `value` has every CPU's
  u32 node = 0;        // taken and filled, not in the table yet
  bool spare = false;  // the node came from spares_
  bool counted = false;
};

namespace {

constexpr int kAgain = 1;  // beside 0 and negative errnos: another thread was faster, look again
constexpr u32 kSlots = MAPS_HASH_SLOTS;
constexpr u32 kControl = MAPS_HASH_CONTROL;
constexpr u64 kNodeMask = MAPS_HASH_NODE_MASK;
constexpr u64 kDead = kNodeMask;  // node number of a dead slot
constexpr u64 kSlotVersion = u64{1} << MAPS_HASH_NODE_BITS;
constexpr u64 kSlotVersionMask = ((u64{1} << 20) - 1) << MAPS_HASH_NODE_BITS;
constexpr u64 kControlVersionMask = ((u64{1} << 29) - 1) << MAPS_HASH_NODE_BITS;

u64 load(const u64* word) {
  return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}
void store(u64* word, u64 value) {
  __atomic_store_n(word, value, __ATOMIC_RELAXED);
}
bool swap_word(u64* word, u64 expected, u64 desired) {
  test_point();
  return __atomic_compare_exchange_n(word, &expected, desired, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}
void read_fence() {
  __atomic_thread_fence(__ATOMIC_ACQUIRE);
}

u64 tag_of(u64 slot) {
  return slot >> MAPS_HASH_TAG_SHIFT;
}
u64 node_of(u64 slot) {
  return slot & kNodeMask;
}
u64 next_version(u64 slot) {
  return (slot + kSlotVersion) & kSlotVersionMask;
}
u64 entry_word(u64 hash_value, u64 node) {
  return maps_hash_tag(hash_value) << MAPS_HASH_TAG_SHIFT | node;
}

u64 published_bit(u32 at) {
  return u64{1} << (MAPS_HASH_PUBLISHED_SHIFT + at);
}
// The control word after a change: `published` and `head` as given, one version on.
u64 next_control(u64 control, u64 published, u64 head) {
  return (published & ~(kControlVersionMask | kNodeMask)) | ((control + kSlotVersion) & kControlVersionMask) | head;
}

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

u32 entries_in(const u64* line) {
  u32 n = 0;
  while (n < kSlots && load(&line[n]) != 0) ++n;
  return n;
}

u32 spare_nodes(u64 stride, u32 lanes) {
  const u64 affordable = std::max<u64>(HashTable::kSpareBytes / stride, HashTable::kSparePerLane * lanes);
  return static_cast<u32>(std::min<u64>(affordable, HashTable::kSpareNodes));
}

}  // namespace

base::Status HashTable::init(const bpf::MapSpec& spec, Values values) {
  values_ = values;
  preallocated_ = (spec.map_flags & bpf::BPF_F_NO_PREALLOC) == 0;
  const bool percpu = values == Values::percpu;
  stride_ = maps_hash_stride(map.shape, percpu);
  key_words_ = maps_round_up8(spec.key_size) / 8;
  cpu_count = base::possible_cpu_count();
  random_seed(seed, (spec.map_flags & bpf::BPF_F_ZERO_SEED) != 0);

  const u64 buckets_count = std::bit_ceil((u64{spec.max_entries} + 3) / 4);
  const u32 lanes = std::min(cpu_count, 64U);
  const u32 spare = !preallocated_ ? kLimboNodes : percpu ? 0 : spare_nodes(stride_, lanes);
  const u64 nodes_count = u64{spec.max_entries} + spare;
  // Every linked line but the first of a bucket is full; a change deep in a list copies as many lines once more.
  const u64 lines_count = std::min<u64>(buckets_count, spec.max_entries) + 2 * (u64{spec.max_entries} / kSlots) + 64;
  const u64 value_bytes = maps_round_up8(spec.value_size);
  cpu_stride = ((nodes_count + 1) * value_bytes + base::kCacheLine - 1) / base::kCacheLine * base::kCacheLine;

  const u64 bucket_bytes = buckets_count * base::kCacheLine;
  const u64 line_bytes = (lines_count + 1) * base::kCacheLine;
  const u64 node_bytes = (nodes_count + 1) * stride_;
  const u64 percpu_bytes = percpu ? cpu_stride * cpu_count : 0;
  const std::string what = "map '" + spec.name + "'";
  const u64 now = bucket_bytes + line_bytes + (preallocated_ ? node_bytes + percpu_bytes : 0);
  SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, now));

  const int numa = (spec.map_flags & bpf::BPF_F_NUMA_NODE) ? static_cast<int>(spec.numa_node) : -1;
  SLUICE_TRY(bucket_memory_, base::MemoryRegion::make(what, {bucket_bytes, numa, preallocated_}));
  SLUICE_TRY(line_memory_, base::MemoryRegion::make(what, {line_bytes, numa, false}));
  SLUICE_TRY(node_memory_, base::MemoryRegion::make(what, {node_bytes, numa, preallocated_}));
  if (percpu) {
    SLUICE_TRY(value_memory_, base::MemoryRegion::make(what, {percpu_bytes, numa, preallocated_}));
    percpu_values = reinterpret_cast<u8*>(value_memory_.data());
  }
  buckets = reinterpret_cast<u64*>(bucket_memory_.data());
  bucket_mask = buckets_count - 1;
  overflow = reinterpret_cast<u64*>(line_memory_.data());
  nodes = reinterpret_cast<u8*>(node_memory_.data());

  // The stores' links lie in the keys' first words: a look-up that still compares such a key looks at its slot again.
  const u32 main = preallocated_ ? spec.max_entries : static_cast<u32>(nodes_count);
  store_.init(node_memory_.data(), stride_, 1, main, lanes);
  if (!preallocated_) store_.begin_small();
  if (preallocated_) spares_.init(node_memory_.data(), stride_, main + 1, spare, lanes);
  lines_.init(line_memory_.data(), base::kCacheLine, 1, static_cast<u32>(lines_count), 1);
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
    if (load(&bucket[at]) != slot) continue;
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

void HashTable::fetch(const Place& place, base::Bytes value) const noexcept {
  const u32 size = map.shape.value_size;
  if (values_ == Values::shared) return maps_fetch_bytes(value.data(), value_of(place.node), size);
  const u32 stride = maps_round_up8(size);
  for (u32 cpu = 0; cpu < cpu_count; ++cpu)
    maps_fetch_bytes(value.data() + u64{cpu} * stride, value_of(place.node, cpu), stride);
}

int HashTable::copy_value(const void* key, base::Bytes value) noexcept {
  const u64 hash_value = maps_hash(key, map.shape.key_size, seed);
  for (u32 tries = 0;; ++tries) {
    const Place place = locate(key, hash_value, MAPS_HASH_TRIES_MAX);
    if (place.node == 0) return -ENOENT;
    fetch(place, value);
    if (still_at(place) || tries == MAPS_HASH_TRIES_MAX) return 0;
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
  if (flags > bpf::BPF_EXIST) return -EINVAL;
  Write write{key, value, maps_hash(key, map.shape.key_size, seed), flags, lane, cpu};
  int result = kAgain;
  while (result == kAgain) {
    Place place = locate(key, write.hash_value, ~0U);
    if (place.node != 0)
      result = flags == bpf::BPF_NOEXIST ? -EEXIST : replace(place, write);
    else
      result = flags == bpf::BPF_EXIST ? -ENOENT : insert(place, write);
  }
  drop(write);
  return result;
}

// Gives back what the update took and did not need.
void HashTable::drop(Write& write) noexcept {
  if (write.node != 0) (write.spare ? spares_ : store_).give(write.lane, write.node);
  if (write.counted) live_.fetch_sub(1, std::memory_order_relaxed);
  write.node = 0;
  write.counted = false;
}

int HashTable::fill(Write& write, bool new_key) noexcept {
  if (write.node != 0 && new_key && write.spare)
    drop(write);  // the key is gone meanwhile: now it takes a place of its own
  if (!preallocated_ && new_key && !write.counted && !(write.counted = take_count())) return -E2BIG;
  if (write.node != 0) return 0;
  write.spare = preallocated_ && !new_key;
  if (write.spare) write.node = spares_.take(write.lane);
  if (write.node == 0) {
    write.spare = false;
    write.node = take_node(write.lane);
  }
  if (write.node == 0) return !preallocated_ ? -ENOMEM : new_key ? -E2BIG : -EBUSY;
  maps_store_bytes(key_of(write.node), write.key, map.shape.key_size);
  if (values_ == Values::shared)
    maps_store_bytes(value_of(write.node), write.value, map.shape.value_size);
  else
    put_percpu(write.node, write, true);
  return 0;
}

// A new key of a per-CPU map begins with zeros on the CPUs that the update does not speak of.
void HashTable::put_percpu(u32 node, const Write& write, bool new_key) noexcept {
  const u32 stride = maps_round_up8(map.shape.value_size);
  for (u32 cpu = 0; cpu < cpu_count; ++cpu) {
    if (write.cpu == kAllCpus)
      maps_store_bytes(value_of(node, cpu), static_cast<const u8*>(write.value) + u64{cpu} * stride, stride);
    else if (write.cpu == cpu)
      maps_store_bytes(value_of(node, cpu), write.value, map.shape.value_size);
    else if (new_key)
      for (u32 i = 0; i < stride / 8; ++i) store(&value_of(node, cpu)[i], 0);
  }
}

int HashTable::replace(const Place& place, Write& write) noexcept {
  if (values_ == Values::percpu) {
    put_percpu(place.node, write, false);
    return 0;
  }
  if (int error = fill(write, false)) return error;
  const u64 entry = entry_word(write.hash_value, write.node);
  if (place.line == 0) {
    if (!swap_word(place.word, place.slot, entry | next_version(place.slot))) return kAgain;
  } else if (int result = overflow_change(place, entry)) {
    return result;
  }
  // The old node takes the new one's place in the account it came from.
  if (preallocated_)
    (write.spare ? spares_ : store_).give(write.lane, place.node);
  else
    store_.give_later(write.lane, place.node);
  write.node = 0;
  return 0;
}

int HashTable::insert(Place& place, Write& write) noexcept {
  if (int error = fill(write, true)) return error;
  const u64 entry = entry_word(write.hash_value, write.node);
  u64 reserved = 0;
  const auto at = reserve_slot(place.bucket, entry, reserved);
  if (!at) {
    if (int result = overflow_insert(place, entry)) return result;
  } else if (!publish(place, write, *at, reserved)) {
    return kAgain;
  }
  write.node = 0;
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
    if ((control & published_bit(at)) == 0) break;
    if (swap_word(&bucket[kControl], control, next_control(control, control & ~published_bit(at), node_of(control))))
      break;
  }
  swap_word(&bucket[at], dead, next_version(dead));
}

// ---- erase

int HashTable::erase(const void* key, u32 lane, base::Bytes* old_value) noexcept {
  const u64 hash_value = maps_hash(key, map.shape.key_size, seed);
  for (;;) {
    const Place place = locate(key, hash_value, ~0U);
    if (place.node == 0) return -ENOENT;
    if (place.line == 0) {
      const u64 dead = next_version(place.slot) | kDead;
      if (!swap_word(place.word, place.slot, dead)) continue;
      clean(place.bucket, static_cast<u32>(place.word - place.bucket), dead);
    } else {
      const int result = overflow_change(place, 0);
      if (result == kAgain) continue;
      if (result != 0) return result;
    }
    if (old_value != nullptr) fetch(place, *old_value);
    retire(lane, place.node);
    return 0;
  }
}

void HashTable::retire(u32 lane, u32 node) noexcept {
  if (preallocated_) return store_.give(lane, node);
  store_.give_later(lane, node);
  live_.fetch_sub(1, std::memory_order_release);
}

// ---- overflow lines: immutable while linked, replaced by one compare-and-swap on the control word

bool HashTable::swing(const Place& place, u64 head) noexcept {
  return swap_word(&place.bucket[kControl], place.control, next_control(place.control, place.control, head));
}

u32 HashTable::copy_line(u32 line) noexcept {
  const u32 copy = lines_.take(0);
  if (copy == 0) return 0;
  for (u32 i = 0; i < MAPS_HASH_LINE_WORDS; ++i) store(&line_of(copy)[i], load(&line_of(line)[i]));
  return copy;
}

int HashTable::overflow_insert(const Place& place, u64 entry) noexcept {
  const u32 head = node_of(place.control);
  const u32 used = head == 0 ? kSlots : entries_in(line_of(head));
  const bool extend = used == kSlots;
  const u32 line = extend ? lines_.take(0) : copy_line(head);
  if (line == 0) return -ENOMEM;
  if (extend) {
    for (u32 i = 1; i < kSlots; ++i) store(&line_of(line)[i], 0);
    store(&line_of(line)[kControl], head);
  }
  store(&line_of(line)[extend ? 0 : used], entry);
  if (!swing(place, line)) {
    lines_.give(0, line);
    return kAgain;
  }
  if (!extend) lines_.give(0, head);
  return 0;
}

// Gives the lines from `line` up to, not including, `end` back.
void HashTable::give_lines(u32 line, u32 end) noexcept {
  while (line != end && line != 0) {
    const u32 next = node_of(load(&line_of(line)[kControl]));
    lines_.give(0, line);
    line = next;
  }
}

// Copies the list down to the entry's line. 0: the list has changed meanwhile, or there is no line left.
u32 HashTable::copy_list(const Place& place, u32& target) noexcept {
  u32 first = 0;
  u32 last = 0;
  for (u32 line = node_of(place.control);;) {
    const u32 copy = copy_line(line);
    read_fence();
    const bool stable = load(&place.bucket[kControl]) == place.control;  // then what was copied was the list
    if (copy != 0 && !stable) lines_.give(0, copy);
    if (copy == 0 || !stable) {
      if (last != 0) store(&line_of(last)[kControl], 0);
      give_lines(first, 0);
      return 0;
    }
    if (last != 0)
      store(&line_of(last)[kControl], copy);
    else
      first = copy;
    last = copy;
    if (line == place.line) break;
    line = node_of(load(&line_of(line)[kControl]));
  }
  target = last;
  return first;
}

// Puts `entry` where the old one is; 0 takes the old one out and fills its place with the last of the first line.
int HashTable::overflow_change(const Place& place, u64 entry) noexcept {
  const u32 at = static_cast<u32>(place.word - line_of(place.line));
  u32 target = 0;
  const u32 first = copy_list(place, target);
  if (first == 0) return load(&place.bucket[kControl]) == place.control ? -ENOMEM : kAgain;
  const u32 behind = node_of(load(&line_of(target)[kControl]));
  u32 head = first;
  if (entry == 0) {
    const u32 count = entries_in(line_of(first));
    u64* last = &line_of(first)[count == 0 ? 0 : count - 1];
    entry = load(last);
    store(&line_of(target)[at], entry);
    store(last, 0);
    if (count <= 1) head = node_of(load(&line_of(first)[kControl]));
  } else {
    store(&line_of(target)[at], entry);
  }
  if (!swing(place, head)) {
    give_lines(first, behind);
    return kAgain;
  }
  give_lines(node_of(place.control), behind);
  if (head != first) lines_.give(0, first);
  return 0;
}

// ---- accounts of BPF_F_NO_PREALLOC

bool HashTable::take_count() noexcept {
  u64 live = live_.load(std::memory_order_acquire);
  while (live < map.shape.max_entries)
    if (live_.compare_exchange_weak(live, live + 1, std::memory_order_acquire)) return true;
  return false;
}

// A node; a BPF_F_NO_PREALLOC map rather grows than reuses one that readers may still see.
u32 HashTable::take_node(u32 lane) noexcept {
  if (preallocated_) return store_.take(lane);
  const u64 node_bytes =
      stride_ + (values_ == Values::percpu ? u64{cpu_count} * maps_round_up8(map.shape.value_size) : 0);
  do {
    if (const u32 node = store_.take(lane, NodeStore::Hurry::none)) return node;
  } while (store_.grow(charge_, node_bytes));
  return store_.take(lane);
}

u64 HashTable::entry_count() const noexcept {
  return preallocated_ ? store_.taken() : live_.load(std::memory_order_relaxed);
}

// ---- iteration: buckets in order; in each its slots, then its overflow lines

// The first key behind `after` (nullptr: of all) in the bucket. `changed`: the overflow list moved, `next` is not
// valid.
bool HashTable::next_in_bucket(const u64* bucket, const Place* after, std::byte* next, bool& changed) const noexcept {
  const u32 key_size = map.shape.key_size;
  u32 at = after == nullptr ? 0 : after->line != 0 ? kSlots : static_cast<u32>(after->word - bucket) + 1;
  const u64 control = after != nullptr && after->line != 0 ? after->control : load(&bucket[kControl]);
  for (; at < kSlots; ++at) {
    for (u64 slot = load(&bucket[at]); tag_of(slot) != 0;) {
      maps_fetch_bytes(next, key_of(node_of(slot)), key_size);
      read_fence();
      const bool counts = load(&bucket[kControl]) & published_bit(at);
      const u64 again = load(&bucket[at]);
      if (again == slot && counts) return true;
      if (again == slot) break;
      slot = again;
    }
  }
  bool found = false;
  bool passed = after == nullptr || after->line == 0;
  for (u64 line = node_of(control); line != 0 && !found && !changed; line = node_of(load(&line_of(line)[kControl]))) {
    for (at = 0; at < kSlots && !found; ++at) {
      const u64* word = &line_of(line)[at];
      const u64 entry = load(word);
      if (entry == 0) break;
      if (passed) {
        maps_fetch_bytes(next, key_of(node_of(entry)), key_size);
        found = true;
      } else {
        passed = word == after->word;
      }
    }
    read_fence();
    changed = load(&bucket[kControl]) != control;
  }
  return found && !changed;
}

int HashTable::next_key(const std::byte* key, std::byte* next) noexcept {
  for (u32 tries = 0; tries < MAPS_HASH_TRIES_MAX; ++tries) {
    u64* bucket = buckets;
    Place place;
    if (key != nullptr) place = locate(key, maps_hash(key, map.shape.key_size, seed), MAPS_HASH_TRIES_MAX);
    const Place* after = place.node != 0 ? &place : nullptr;
    if (after != nullptr) bucket = place.bucket;
    bool changed = false;
    for (u64* end = buckets + (bucket_mask + 1) * MAPS_HASH_LINE_WORDS; bucket != end && !changed;) {
      if (next_in_bucket(bucket, after, next, changed)) return 0;
      if (changed && after == nullptr)
        changed = false;  // only this bucket again
      else
        bucket += MAPS_HASH_LINE_WORDS;
      after = nullptr;
    }
    if (!changed) return -ENOENT;
  }
  return -EBUSY;
}

}  // namespace maps
