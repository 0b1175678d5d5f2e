// SPDX-License-Identifier: Apache-2.0
// tnum.h — known bits of a 64-bit number: each bit is 0, 1 or unknown.
//
// Shape     bit i is unknown when mask has it, else it is bit i of value. INVARIANT: value & mask == 0.
// Threads   plain values. Cost: a few instructions; mul: at most 64 additions.
// Source    H. Vishwanathan et al., "Sound, precise, and fast abstract interpretation with tristate numbers" (CGO
// 2022).
//           Every operation f satisfies: x in a and y in b imply f(x, y) in f(a, b). tests/unit/verifier/tnum_test.cc
//           tries all tristate numbers of five bits.
#pragma once

#include "base/types.h"

namespace bpf::verifier {

using base::s16;
using base::s32;
using base::s64;
using base::s8;
using base::u16;
using base::u32;
using base::u64;
using base::u8;

struct Tnum {
  u64 value = 0;
  u64 mask = ~u64{0};

  static constexpr Tnum unknown() { return {}; }
  static constexpr Tnum constant(u64 v) { return {v, 0}; }
  // Every number in [min, max]: the bits above the highest differing one are known.
  static Tnum range(u64 min, u64 max);

  constexpr bool is_const() const { return mask == 0; }
  constexpr u64 min() const { return value; }
  constexpr u64 max() const { return value | mask; }
  constexpr bool contains(u64 x) const { return (x & ~mask) == value; }
  constexpr bool operator==(const Tnum&) const = default;

  constexpr Tnum low32() const { return {value & 0xffffffff, mask & 0xffffffff}; }
  constexpr Tnum high32() const { return {value & ~u64{0xffffffff}, mask & ~u64{0xffffffff}}; }
  constexpr Tnum with_low32(Tnum low) const {
    return {high32().value | low.low32().value, high32().mask | low.low32().mask};
  }
  // All bits from `bits` upwards are zero.
  constexpr Tnum truncated(int bits) const {
    if (bits >= 64) return *this;
    const u64 keep = (u64{1} << bits) - 1;
    return {value & keep, mask & keep};
  }
};

Tnum add(Tnum a, Tnum b);
Tnum sub(Tnum a, Tnum b);
Tnum mul(Tnum a, Tnum b);
Tnum bit_and(Tnum a, Tnum b);
Tnum bit_or(Tnum a, Tnum b);
Tnum bit_xor(Tnum a, Tnum b);
Tnum shl(Tnum a, u32 n);             // n < 64
Tnum shr(Tnum a, u32 n);             // n < 64
Tnum sar(Tnum a, u32 n, int width);  // width 32 or 64, n < width; a 32-bit result has zero high bits
Tnum sign_extend(Tnum a, int bits);  // bits 8, 16 or 32
// Numbers in both. REQUIRES: a and b agree where both know; agree() tells.
Tnum intersect(Tnum a, Tnum b);
constexpr bool agree(Tnum a, Tnum b) {
  return ((a.value ^ b.value) & ~a.mask & ~b.mask) == 0;
}
// Numbers in either.
Tnum join(Tnum a, Tnum b);
// Every number in `inner` is in `outer`.
constexpr bool includes(Tnum outer, Tnum inner) {
  return (inner.mask & ~outer.mask) == 0 && (inner.value & ~outer.mask) == outer.value;
}
// Every number in `a` is a multiple of the power of two `n`.
constexpr bool is_aligned(Tnum a, u64 n) {
  return n == 0 || ((a.value | a.mask) & (n - 1)) == 0;
}

}  // namespace bpf::verifier
