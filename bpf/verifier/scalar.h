// SPDX-License-Identifier: Apache-2.0
// scalar.h — what is known of a 64-bit number: bits, and its range read as u64, s64, u32 and s32.
//
// Shape     the five views describe one number; a number is a member when it satisfies all of them (the 32-bit views
// speak of
//           its low half). sync() lets each view learn from the others.
// Threads   plain values. Cost: tens of instructions per operation.
// Source    soundness: x in a, y in b imply op(x, y) in alu(op, a, b); a taken branch keeps every member that takes it.
//           tests/unit/verifier/scalar_test.cc tries each operation on dense small and edge-biased members.
#pragma once

#include <limits>

#include "bpf/verifier/tnum.h"

namespace bpf::verifier {

struct Scalar {
  Tnum bits;
  u64 umin = 0, umax = std::numeric_limits<u64>::max();
  s64 smin = std::numeric_limits<s64>::min(), smax = std::numeric_limits<s64>::max();
  u32 u32_min = 0, u32_max = std::numeric_limits<u32>::max();
  s32 s32_min = std::numeric_limits<s32>::min(), s32_max = std::numeric_limits<s32>::max();

  static Scalar unknown() { return {}; }
  static Scalar constant(u64 v);
  // Unknown, but below 2^(8 * bytes).
  static Scalar of_bytes(int bytes);

  bool is_const() const { return bits.is_const(); }
  u64 value() const { return bits.value; }  // REQUIRES is_const()
  bool low32_const() const { return bits.low32().is_const(); }
  bool is_zero() const { return is_const() && value() == 0; }
  bool contains(u64 x) const;
  bool operator==(const Scalar&) const = default;

  // Each view learns from the others, to a fixed number of rounds. An impossible combination (a branch that cannot be
  // taken) becomes unknown(): the walk stays sound and reads on.
  void sync();
  void forget64();  // the ranges, not the bits
  void forget32();

  // The low `bytes` zero-extended, or sign-extended.
  Scalar truncated(int bytes) const;
  Scalar sign_extended(int bytes) const;
  // Low 32 bits of this, high ones zero.
  Scalar zext32() const { return truncated(4); }

 private:
  bool impossible() const;
  void ranges_from_bits();
  void bits_from_ranges();
  void signs_agree();
  void low_from_whole();
  void whole_from_low();
};

// Every member of `inner` is a member of `outer`, judged by each view alone.
bool includes(const Scalar& outer, const Scalar& inner);

}  // namespace bpf::verifier
