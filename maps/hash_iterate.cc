// SPDX-License-Identifier: Apache-2.0
// hash_iterate.cc — buckets in order; in each its slots, then its overflow lines.
#include "bpf/abi/flags.h"
#include "maps/fields.h"
#include "maps/hash_table.h"
#include "maps/hash_words.h"

namespace maps {

using namespace hash_word;

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
  // The list that holds the key changed during every look. The walk starts again, as behind a key that was deleted.
  return next_key(nullptr, next);
}

// The first entry at place `at` of a bucket or behind it, and its place: slots first, then the overflow list's entries.
// node 0: none.
HashTable::Place HashTable::entry_from(u64* bucket, u32& at) const noexcept {
  for (; at < kSlots; ++at) {
    const u64 slot = load(&bucket[at]);
    if (tag_of(slot) == 0) continue;
    read_fence();
    const u64 control = load(&bucket[kControl]);
    if ((control & published_bit(at)) != 0 && load(&bucket[at]) == slot)
      return {bucket, control, &bucket[at], slot, static_cast<u32>(node_of(slot)), 0};
  }
  const u64 control = load(&bucket[kControl]);
  u32 place = kSlots;
  for (u64 line = node_of(control); line != 0; line = node_of(load(&line_of(line)[kControl]))) {
    for (u32 i = 0; i < kSlots; ++i) {
      u64* word = &line_of(line)[i];
      const u64 entry = load(word);
      read_fence();
      if (load(&bucket[kControl]) != control) return entry_from(bucket, at);
      if (entry == 0) break;
      if (place++ < at) continue;
      at = place - 1;
      return {bucket, control, word, entry, static_cast<u32>(node_of(entry)), static_cast<u32>(line)};
    }
  }
  return {};
}

int HashTable::scan(u64& cursor, bool take, u32 lane, std::byte* key, base::Bytes value, u64 flags) noexcept {
  u64 index = cursor >> 32;
  u32 at = static_cast<u32>(cursor);
  while (index <= bucket_mask) {
    const Place place = entry_from(buckets + index * MAPS_HASH_LINE_WORDS, at);
    if (place.node == 0) {
      ++index;
      at = 0;
      continue;
    }
    maps_fetch_bytes(key, key_of(place.node), map.shape.key_size);
    ValueLock lock(value_of(place.node), map.fields, (flags & bpf::BPF_F_LOCK) != 0);
    fetch(place, value);
    if (!still_at(place)) continue;
    if (take) {
      const int result = unlink(place);
      if (result == kAgain) continue;
      if (result != 0) return result;
      retire(lane, place.node);
    }
    // The last entry of an overflow list has moved to the place of one that was taken out.
    if (!take || place.line == 0) ++at;
    cursor = index << 32 | at;
    return 0;
  }
  cursor = (bucket_mask + 1) << 32;
  return -ENOENT;
}

// Nodes of a bucket's entries from place `at` on, which moves behind them.
u32 HashTable::collect(u64* bucket, u32& at, std::span<u32> found) const noexcept {
  u32 count = 0;
  for (; count < found.size(); ++at) {
    const Place place = entry_from(bucket, at);
    if (place.node == 0) break;
    found[count++] = place.node;
  }
  return count;
}

// A bucket's entries are noted before the first visit: what a visit deletes or replaces does not shift the others.
u32 HashTable::each(bpf_env& env, const bpf_callback& visit, u64 ctx) noexcept {
  u32 visits = 0;
  u32 found[kVisitNodes];
  for (u64* bucket = buckets; bucket <= buckets + bucket_mask * MAPS_HASH_LINE_WORDS; bucket += MAPS_HASH_LINE_WORDS) {
    u32 at = 0;
    while (const u32 count = collect(bucket, at, found)) {
      for (u32 i = 0; i < count; ++i) {
        const u64* key = key_of(found[i]);
        if (i != 0 && find(key, maps_hash(key, map.shape.key_size, seed)) != found[i]) continue;
        const u64* value = percpu() ? value_of(found[i], env.cpu) : value_of(found[i]);
        ++visits;
        if (visit.call(&visit, reinterpret_cast<u64>(&map), reinterpret_cast<u64>(key), reinterpret_cast<u64>(value),
                       ctx, 0, &env))
          return visits;
      }
    }
  }
  return visits;
}

}  // namespace maps
