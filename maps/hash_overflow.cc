// SPDX-License-Identifier: Apache-2.0
// hash_overflow.cc — a bucket's overflow lines: immutable while linked, replaced by one compare-and-swap on the control
// word.
#include "maps/hash_table.h"
#include "maps/hash_words.h"

namespace maps {

using namespace hash_word;

namespace {

u32 entries_in(const u64* line) {
  u32 n = 0;
  while (n < kSlots && load(&line[n]) != 0) ++n;
  return n;
}

}  // namespace

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

}  // namespace maps
