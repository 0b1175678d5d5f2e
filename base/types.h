// SPDX-License-Identifier: Apache-2.0
// types.h — the integer, byte and byte-order types every folder uses.
//
// Shape     be16/be32/be64 hold network byte order; only from_host() and host() cross the border.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace base {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;
using s8 = std::int8_t;
using s16 = std::int16_t;
using s32 = std::int32_t;
using s64 = std::int64_t;

using Bytes = std::span<std::byte>;
using ConstBytes = std::span<const std::byte>;

inline constexpr u16 byte_swap(u16 v) noexcept { return __builtin_bswap16(v); }
inline constexpr u32 byte_swap(u32 v) noexcept { return __builtin_bswap32(v); }
inline constexpr u64 byte_swap(u64 v) noexcept { return __builtin_bswap64(v); }

// A number in network byte order. Same size and alignment as T; comparable for equality only.
template <class T>
class BigEndian {
 public:
  constexpr BigEndian() = default;
  static constexpr BigEndian from_host(T v) noexcept { return BigEndian(swap(v)); }
  static constexpr BigEndian from_wire(T raw) noexcept { return BigEndian(raw); }
  constexpr T host() const noexcept { return swap(raw_); }
  constexpr T wire() const noexcept { return raw_; }
  constexpr bool operator==(const BigEndian&) const = default;

 private:
  explicit constexpr BigEndian(T raw) noexcept : raw_(raw) {}
  static constexpr T swap(T v) noexcept {
    if constexpr (std::endian::native == std::endian::little) return byte_swap(v);
    return v;
  }
  T raw_ = 0;
};
using be16 = BigEndian<u16>;
using be32 = BigEndian<u32>;
using be64 = BigEndian<u64>;

}  // namespace base
