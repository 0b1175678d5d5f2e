// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/scalar.h"

#include <algorithm>

namespace bpf::verifier {
namespace {

constexpr u64 kHigh = ~u64{0xffffffff};

template <class U, class S>
struct Views {
  U &umin, &umax;
  S &smin, &smax;
};

// The signed range is one or two unsigned intervals: its non-negative and its negative part. What of them the unsigned
// range admits bounds both views.
template <class U, class S>
void reconcile(Views<U, S> v) {
  constexpr U kSign = U{1} << (sizeof(U) * 8 - 1);
  U low_begin = 1, low_end = 0, high_begin = 1, high_end = 0;  // empty
  if (v.smax >= 0) {
    low_begin = std::max(v.umin, static_cast<U>(std::max<S>(v.smin, 0)));
    low_end = std::min(v.umax, static_cast<U>(v.smax));
  }
  if (v.smin < 0) {
    high_begin = std::max(v.umin, std::max(kSign, static_cast<U>(v.smin)));
    high_end = std::min(v.umax, static_cast<U>(std::min<S>(v.smax, -1)));
  }
  const bool low = low_begin <= low_end, high = high_begin <= high_end;
  if (!low && !high) {  // impossible: sync() sees it in the order of the bounds
    v.umin = 1;
    v.umax = 0;
    return;
  }
  v.umin = low ? low_begin : high_begin;
  v.umax = high ? high_end : low_end;
  v.smin = static_cast<S>(high ? high_begin : low_begin);
  v.smax = static_cast<S>(low ? low_end : high_end);
}

}  // namespace

Scalar Scalar::constant(u64 v) {
  Scalar s;
  s.bits = Tnum::constant(v);
  s.umin = s.umax = v;
  s.smin = s.smax = static_cast<s64>(v);
  s.u32_min = s.u32_max = static_cast<u32>(v);
  s.s32_min = s.s32_max = static_cast<s32>(v);
  return s;
}

Scalar Scalar::of_bytes(int bytes) {
  Scalar s;
  s.bits = Tnum::unknown().truncated(bytes * 8);
  s.sync();
  return s;
}

bool Scalar::contains(u64 x) const {
  const s64 sx = static_cast<s64>(x);
  const u32 lx = static_cast<u32>(x);
  const s32 slx = static_cast<s32>(lx);
  return bits.contains(x) && x >= umin && x <= umax && sx >= smin && sx <= smax && lx >= u32_min && lx <= u32_max &&
         slx >= s32_min && slx <= s32_max;
}

void Scalar::forget64() {
  umin = 0;
  umax = std::numeric_limits<u64>::max();
  smin = std::numeric_limits<s64>::min();
  smax = std::numeric_limits<s64>::max();
}

void Scalar::forget32() {
  u32_min = 0;
  u32_max = std::numeric_limits<u32>::max();
  s32_min = std::numeric_limits<s32>::min();
  s32_max = std::numeric_limits<s32>::max();
}

bool Scalar::impossible() const {
  return umin > umax || smin > smax || u32_min > u32_max || s32_min > s32_max || (bits.value & bits.mask) != 0;
}

// A number lies between its known ones with the unknown bits cleared and with them set; as a signed number the sign
// bit, when unknown, is set for the least and cleared for the greatest.
void Scalar::ranges_from_bits() {
  umin = std::max(umin, bits.min());
  umax = std::min(umax, bits.max());
  constexpr u64 kSign64 = u64{1} << 63;
  smin = std::max(smin, static_cast<s64>(bits.value | (bits.mask & kSign64)));
  smax = std::min(smax, static_cast<s64>(bits.value | (bits.mask & ~kSign64)));
  const Tnum low = bits.low32();
  constexpr u64 kSign32 = u64{1} << 31;
  u32_min = std::max(u32_min, static_cast<u32>(low.min()));
  u32_max = std::min(u32_max, static_cast<u32>(low.max()));
  s32_min = std::max(s32_min, static_cast<s32>(low.value | (low.mask & kSign32)));
  s32_max = std::min(s32_max, static_cast<s32>(low.value | (low.mask & ~kSign32)));
}

void Scalar::bits_from_ranges() {
  const Tnum whole = Tnum::range(umin, umax);
  if (!agree(bits, whole)) return;
  bits = intersect(bits, whole);
  const Tnum low = Tnum::range(u32_min, u32_max);
  if (!agree(bits.low32(), low)) return;
  bits = bits.with_low32(intersect(bits.low32(), low));
}

void Scalar::signs_agree() {
  reconcile<u64, s64>({umin, umax, smin, smax});
  reconcile<u32, s32>({u32_min, u32_max, s32_min, s32_max});
}

// A range of fewer than 2^32 numbers maps to a (possibly wrapping) interval of low halves; a view in which it does not
// wrap takes it over.
void Scalar::low_from_whole() {
  const auto learn = [this](u64 first, u64 last) {
    if (last - first > 0xffffffff) return;
    const u32 lo = static_cast<u32>(first), hi = static_cast<u32>(last);
    if (lo <= hi) {
      u32_min = std::max(u32_min, lo);
      u32_max = std::min(u32_max, hi);
    }
    if (static_cast<s32>(lo) <= static_cast<s32>(hi)) {
      s32_min = std::max(s32_min, static_cast<s32>(lo));
      s32_max = std::min(s32_max, static_cast<s32>(hi));
    }
  };
  if (umin <= umax) learn(umin, umax);
  if (smin <= smax) learn(static_cast<u64>(smin), static_cast<u64>(smax));
}

// With the same high half as its bound, a number is at least (at most) that half joined to the least (greatest) low
// half; with another high half it is further away still.
void Scalar::whole_from_low() {
  umin = std::max(umin, (umin & kHigh) | u32_min);
  umax = std::min(umax, (umax & kHigh) | u32_max);
  smin = std::max(smin, static_cast<s64>((static_cast<u64>(smin) & kHigh) | u32_min));
  smax = std::min(smax, static_cast<s64>((static_cast<u64>(smax) & kHigh) | u32_max));
  // A number that fits into 32 signed bits is its low half, sign-extended.
  if (smin >= std::numeric_limits<s32>::min() && smax <= std::numeric_limits<s32>::max()) {
    smin = std::max<s64>(smin, s32_min);
    smax = std::min<s64>(smax, s32_max);
  }
}

void Scalar::sync() {
  constexpr int kRounds = 3;  // enough for a fact to travel bits -> low -> whole -> the other sign
  ranges_from_bits();
  for (int i = 0; i < kRounds && !impossible(); ++i) {
    low_from_whole();
    signs_agree();
    whole_from_low();
  }
  if (!impossible()) {
    bits_from_ranges();
    ranges_from_bits();
  }
  if (impossible()) *this = unknown();
}

Scalar Scalar::truncated(int bytes) const {
  if (bytes >= 8) return *this;
  Scalar out;
  out.bits = bits.truncated(bytes * 8);
  if (bytes == 4) {
    out.u32_min = u32_min;
    out.u32_max = u32_max;
    out.s32_min = s32_min;
    out.s32_max = s32_max;
    out.umin = u32_min;
    out.umax = u32_max;
  } else {
    // The low bytes keep their order when the whole range shares what is cut off.
    const u64 keep = (u64{1} << (bytes * 8)) - 1;
    if ((umin & ~keep) == (umax & ~keep)) {
      out.umin = umin & keep;
      out.umax = umax & keep;
    } else {
      out.umax = keep;
    }
  }
  out.sync();
  return out;
}

Scalar Scalar::sign_extended(int bytes) const {
  Scalar out;
  const int bits_kept = bytes * 8;
  out.bits = verifier::sign_extend(bits, bits_kept);
  const s64 least = -(s64{1} << (bits_kept - 1)), greatest = (s64{1} << (bits_kept - 1)) - 1;
  out.smin = least;
  out.smax = greatest;
  if (smin >= least && smax <= greatest) {  // unchanged
    out.smin = smin;
    out.smax = smax;
  } else if (bytes == 4) {
    out.smin = s32_min;
    out.smax = s32_max;
  } else {
    const u64 cut = ~u64{0} << bits_kept;
    const s64 lo = static_cast<s64>(static_cast<u64>(smin) << (64 - bits_kept)) >> (64 - bits_kept);
    const s64 hi = static_cast<s64>(static_cast<u64>(smax) << (64 - bits_kept)) >> (64 - bits_kept);
    if ((static_cast<u64>(smin) & cut) == (static_cast<u64>(smax) & cut) && lo <= hi) {
      out.smin = lo;
      out.smax = hi;
    } else if (!out.bits.is_const()) {
      out.bits = Tnum::unknown();  // sign and single bits would tell more; Linux forgets them here
    }
  }
  out.sync();
  return out;
}

bool includes(const Scalar& outer, const Scalar& inner) {
  return includes(outer.bits, inner.bits) && outer.umin <= inner.umin && outer.umax >= inner.umax &&
         outer.smin <= inner.smin && outer.smax >= inner.smax && outer.u32_min <= inner.u32_min &&
         outer.u32_max >= inner.u32_max && outer.s32_min <= inner.s32_min && outer.s32_max >= inner.s32_max;
}

}  // namespace bpf::verifier
