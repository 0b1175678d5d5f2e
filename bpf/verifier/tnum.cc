// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/tnum.h"

#include <bit>

namespace bpf::verifier {

Tnum Tnum::range(u64 min, u64 max) {
  const int differing = 64 - std::countl_zero(min ^ max);
  if (differing == 64) return unknown();
  const u64 below = (u64{1} << differing) - 1;
  return {min & ~below, below};
}

// The sum lies between that of the least and that of the greatest members; a bit is unknown where an operand's is, or
// where the carries of those two sums differ.
Tnum add(Tnum a, Tnum b) {
  const u64 least = a.value + b.value;
  const u64 greatest = least + (a.mask + b.mask);
  const u64 unknown = (greatest ^ least) | a.mask | b.mask;
  return {least & ~unknown, unknown};
}

// Likewise with borrows: the extremes are (max a - min b) and (min a - max b).
Tnum sub(Tnum a, Tnum b) {
  const u64 known = a.value - b.value;
  const u64 unknown = ((known + a.mask) ^ (known - b.mask)) | a.mask | b.mask;
  return {known & ~unknown, unknown};
}

namespace {

// Long multiplication; the known part multiplies exactly, every unknown contribution is added as an unknown summand.
Tnum mul_by_summands(Tnum a, Tnum b) {
  Tnum unknown = Tnum::constant(0);
  for (int i = 0; i < 64 && ((a.value | a.mask) >> i) != 0; ++i) {
    if ((a.value >> i) & 1) unknown = add(unknown, {0, b.mask << i});
    if ((a.mask >> i) & 1) unknown = add(unknown, {0, (b.value | b.mask) << i});
  }
  return add(Tnum::constant(a.value * b.value), unknown);
}

// Long multiplication; under an unknown bit both outcomes are joined.
Tnum mul_by_cases(Tnum a, Tnum b) {
  Tnum sum = Tnum::constant(0);
  for (int i = 0; i < 64 && ((a.value | a.mask) >> i) != 0; ++i) {
    const Tnum with = add(sum, shl(b, static_cast<u32>(i)));
    if ((a.value >> i) & 1) sum = with;
    if ((a.mask >> i) & 1) sum = join(sum, with);
  }
  return sum;
}

}  // namespace

// Both are sound, neither is always the better one; members of both are members of the meet.
Tnum mul(Tnum a, Tnum b) {
  return intersect(mul_by_summands(a, b), mul_by_cases(a, b));
}

Tnum bit_and(Tnum a, Tnum b) {
  const u64 one = a.value & b.value;
  return {one, (a.max() & b.max()) & ~one};
}

Tnum bit_or(Tnum a, Tnum b) {
  const u64 one = a.value | b.value;
  return {one, (a.mask | b.mask) & ~one};
}

Tnum bit_xor(Tnum a, Tnum b) {
  const u64 unknown = a.mask | b.mask;
  return {(a.value ^ b.value) & ~unknown, unknown};
}

Tnum shl(Tnum a, u32 n) {
  return {a.value << n, a.mask << n};
}
Tnum shr(Tnum a, u32 n) {
  return {a.value >> n, a.mask >> n};
}

// Shifting value and mask arithmetically copies an unknown sign bit as unknown, a known one as known.
Tnum sar(Tnum a, u32 n, int width) {
  if (width == 32)
    return {static_cast<u32>(static_cast<s32>(a.value) >> n), static_cast<u32>(static_cast<s32>(a.mask) >> n)};
  return {static_cast<u64>(static_cast<s64>(a.value) >> n), static_cast<u64>(static_cast<s64>(a.mask) >> n)};
}

Tnum sign_extend(Tnum a, int bits) {
  const u32 up = static_cast<u32>(64 - bits);
  return sar(shl(a, up), up, 64);
}

Tnum intersect(Tnum a, Tnum b) {
  const u64 unknown = a.mask & b.mask;
  return {(a.value | b.value) & ~unknown, unknown};
}

Tnum join(Tnum a, Tnum b) {
  const u64 unknown = a.mask | b.mask | (a.value ^ b.value);
  return {a.value & ~unknown, unknown};
}

}  // namespace bpf::verifier
