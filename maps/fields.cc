// SPDX-License-Identifier: Apache-2.0
#include "maps/fields.h"

#include <cstring>

#include "maps/test_point.h"

namespace maps {
namespace {

using base::u32;
using base::u64;
using base::u8;

// One access of the widest aligned kind at a time. Fields begin and end at multiples of 4.
template <class Word>
void store_word(u8* to, const u8* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  __atomic_store_n(reinterpret_cast<Word*>(to), word, __ATOMIC_RELAXED);
}
template <class Word>
void fetch_word(u8* to, const u8* from) {
  const Word word = __atomic_load_n(reinterpret_cast<const Word*>(from), __ATOMIC_RELAXED);
  std::memcpy(to, &word, sizeof word);
}

// Calls word(at, a word of the kind) for [from, to).
template <class F>
void each_word(u32 from, u32 to, F word) {
  const auto step = [&](auto kind) {
    word(from, kind);
    from += sizeof kind;
  };
  while (from < to) {
    const u32 left = to - from;
    if (from % 8 == 0 && left >= 8)
      step(u64{});
    else if (from % 4 == 0 && left >= 4)
      step(u32{});
    else
      step(u8{});
  }
}

template <class F>
void each_gap(u32 size, const bpf_value_fields& fields, F gap) {
  u32 at = 0;
  for (u32 i = 0; i < fields.count; ++i) {
    if (fields.at[i].offset > at) gap(at, fields.at[i].offset);
    test_point();
    at = fields.at[i].offset + fields.at[i].size;
  }
  if (at < size) gap(at, size);
}

}  // namespace

void store_around(void* stored, const void* bytes, u32 size, const bpf_value_fields& fields) noexcept {
  u8* to = static_cast<u8*>(stored);
  const u8* from = static_cast<const u8*>(bytes);
  each_gap(size, fields, [&](u32 begin, u32 end) {
    each_word(begin, end, [&](u32 at, auto kind) { store_word<decltype(kind)>(to + at, from + at); });
  });
}

void fetch_around(void* bytes, const void* stored, u32 size, const bpf_value_fields& fields) noexcept {
  u8* to = static_cast<u8*>(bytes);
  const u8* from = static_cast<const u8*>(stored);
  std::memset(to, 0, size);
  each_gap(size, fields, [&](u32 begin, u32 end) {
    each_word(begin, end, [&](u32 at, auto kind) { fetch_word<decltype(kind)>(to + at, from + at); });
  });
}

void clear_fields(void* stored, const bpf_value_fields& fields) noexcept {
  for (u32 i = 0; i < fields.count; ++i) {
    const bpf_value_field& field = fields.at[i];
    if (static_cast<base::s64>(field.offset) == fields.lock) continue;
    for (u32 at = 0; at < field.size; at += 4)
      __atomic_store_n(reinterpret_cast<u32*>(static_cast<u8*>(stored) + field.offset + at), 0U, __ATOMIC_RELAXED);
  }
}

}  // namespace maps
