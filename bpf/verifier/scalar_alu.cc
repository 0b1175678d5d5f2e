// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/scalar_alu.h"

#include <algorithm>
#include <initializer_list>

#include "bpf/abi/insn.h"

namespace bpf::verifier {
namespace {

// One width's pair of ranges; operations are written once and used for 64 and 32 bits.
template <class U, class S>
struct Range {
  U umin, umax;
  S smin, smax;

  void forget_signed() {
    smin = std::numeric_limits<S>::min();
    smax = std::numeric_limits<S>::max();
  }
  void forget_unsigned() {
    umin = 0;
    umax = std::numeric_limits<U>::max();
  }
  // Signed bounds from unsigned ones that do not cross the sign.
  void signed_from_unsigned() {
    if (static_cast<S>(umin) <= static_cast<S>(umax)) {
      smin = static_cast<S>(umin);
      smax = static_cast<S>(umax);
    } else {
      forget_signed();
    }
  }
};
using Range64 = Range<u64, s64>;
using Range32 = Range<u32, s32>;

Range64 range64(const Scalar& s) {
  return {s.umin, s.umax, s.smin, s.smax};
}
Range32 range32(const Scalar& s) {
  return {s.u32_min, s.u32_max, s.s32_min, s.s32_max};
}

void put(Scalar& s, const Range64& r) {
  s.umin = r.umin;
  s.umax = r.umax;
  s.smin = r.smin;
  s.smax = r.smax;
}
void put(Scalar& s, const Range32& r) {
  s.u32_min = r.umin;
  s.u32_max = r.umax;
  s.s32_min = r.smin;
  s.s32_max = r.smax;
}

// Unsigned sums stay an interval when none or all of them wrap.
template <class R>
R add_ranges(R a, const R& b) {
  const bool smin_wraps = __builtin_add_overflow(a.smin, b.smin, &a.smin);
  const bool smax_wraps = __builtin_add_overflow(a.smax, b.smax, &a.smax);
  if (smin_wraps || smax_wraps) a.forget_signed();
  const bool low_wraps = __builtin_add_overflow(a.umin, b.umin, &a.umin);
  const bool high_wraps = __builtin_add_overflow(a.umax, b.umax, &a.umax);
  if (low_wraps != high_wraps) a.forget_unsigned();
  return a;
}

template <class R>
R sub_ranges(R a, const R& b) {
  const R c = a;
  const bool smin_wraps = __builtin_sub_overflow(c.smin, b.smax, &a.smin);
  const bool smax_wraps = __builtin_sub_overflow(c.smax, b.smin, &a.smax);
  if (smin_wraps || smax_wraps) a.forget_signed();
  const bool low_wraps = __builtin_sub_overflow(c.umin, b.umax, &a.umin);
  const bool high_wraps = __builtin_sub_overflow(c.umax, b.umin, &a.umax);
  if (low_wraps != high_wraps) a.forget_unsigned();
  return a;
}

template <class U, class S>
Range<U, S> mul_ranges(Range<U, S> a, const Range<U, S>& b) {
  const Range<U, S> c = a;
  const bool umin_wraps = __builtin_mul_overflow(c.umin, b.umin, &a.umin);
  const bool umax_wraps = __builtin_mul_overflow(c.umax, b.umax, &a.umax);
  if (umin_wraps || umax_wraps) a.forget_unsigned();
  S corner[4];
  const bool wraps[4] = {
      __builtin_mul_overflow(c.smin, b.smin, &corner[0]), __builtin_mul_overflow(c.smin, b.smax, &corner[1]),
      __builtin_mul_overflow(c.smax, b.smin, &corner[2]), __builtin_mul_overflow(c.smax, b.smax, &corner[3])};
  if (wraps[0] || wraps[1] || wraps[2] || wraps[3]) {
    a.forget_signed();
  } else {
    a.smin = std::min({corner[0], corner[1], corner[2], corner[3]});
    a.smax = std::max({corner[0], corner[1], corner[2], corner[3]});
  }
  return a;
}

// `bits`: the result's known bits in this width.
template <class R>
R and_ranges(R a, const R& b, Tnum bits) {
  a.umin = static_cast<decltype(a.umin)>(bits.min());
  a.umax = std::min(a.umax, b.umax);
  a.signed_from_unsigned();
  return a;
}
template <class R>
R or_ranges(R a, const R& b, Tnum bits) {
  a.umin = std::max(a.umin, b.umin);
  a.umax = static_cast<decltype(a.umax)>(bits.max());
  a.signed_from_unsigned();
  return a;
}
template <class R>
R xor_ranges(R a, const R&, Tnum bits) {
  a.umin = static_cast<decltype(a.umin)>(bits.min());
  a.umax = static_cast<decltype(a.umax)>(bits.max());
  a.signed_from_unsigned();
  return a;
}

template <class R>
R shl_ranges(R a, u32 n) {
  using U = decltype(a.umax);
  const U limit = static_cast<U>(std::numeric_limits<U>::max() >> n);
  a.forget_signed();
  if (a.umax > limit) {
    a.forget_unsigned();
  } else {
    a.umin = static_cast<U>(a.umin << n);
    a.umax = static_cast<U>(a.umax << n);
  }
  return a;
}
template <class R>
R shr_ranges(R a, u32 n) {
  a.forget_signed();
  a.umin >>= n;
  a.umax >>= n;
  return a;
}
template <class R>
R sar_ranges(R a, u32 n) {
  a.forget_unsigned();
  a.smin >>= n;
  a.smax >>= n;
  return a;
}

// A 32-bit shift left by 32 of a sign-extended number: the idiom before an arithmetic shift right.
void shl32_signed(Scalar& out, const Scalar& a, u32 n) {
  if (n != 32) return;
  out.smin = static_cast<s64>(static_cast<u64>(static_cast<s64>(a.s32_min)) << 32);
  out.smax = static_cast<s64>(static_cast<u64>(static_cast<s64>(a.s32_max)) << 32);
}

Scalar shift(u8 op, bool is64, const Scalar& a, const Scalar& src) {
  const u32 n = static_cast<u32>(is64 ? src.value() : src.value() & 0xffffffff);
  Scalar out;
  if (is64) {
    out.bits = op == BPF_LSH ? shl(a.bits, n) : op == BPF_RSH ? shr(a.bits, n) : sar(a.bits, n, 64);
    put(out, op == BPF_LSH   ? shl_ranges(range64(a), n)
             : op == BPF_RSH ? shr_ranges(range64(a), n)
                             : sar_ranges(range64(a), n));
    if (op == BPF_LSH) shl32_signed(out, a, n);
    out.sync();
    return out;
  }
  const Tnum low = a.bits.low32();
  out.bits = op == BPF_LSH ? shl(low, n).low32() : op == BPF_RSH ? shr(low, n) : sar(low, n, 32);
  put(out, op == BPF_LSH   ? shl_ranges(range32(a), n)
           : op == BPF_RSH ? shr_ranges(range32(a), n)
                           : sar_ranges(range32(a), n));
  return out.zext32();
}

Tnum combine_bits(u8 op, Tnum a, Tnum b) {
  switch (op) {
    case BPF_ADD:
      return add(a, b);
    case BPF_SUB:
      return sub(a, b);
    case BPF_MUL:
      return mul(a, b);
    case BPF_AND:
      return bit_and(a, b);
    case BPF_OR:
      return bit_or(a, b);
    default:
      return bit_xor(a, b);
  }
}

template <class R>
R combine_ranges(u8 op, const R& a, const R& b, Tnum bits) {
  switch (op) {
    case BPF_ADD:
      return add_ranges(a, b);
    case BPF_SUB:
      return sub_ranges(a, b);
    case BPF_MUL:
      return mul_ranges(a, b);
    case BPF_AND:
      return and_ranges(a, b, bits);
    case BPF_OR:
      return or_ranges(a, b, bits);
    default:
      return xor_ranges(a, b, bits);
  }
}

// The low half of each of these results depends on the low halves alone, so the 32-bit views have their own transfer.
Scalar combine(u8 op, bool is64, const Scalar& a, const Scalar& b) {
  Scalar out;
  out.bits = is64 ? combine_bits(op, a.bits, b.bits) : combine_bits(op, a.bits.low32(), b.bits.low32()).low32();
  put(out, combine_ranges(op, range32(a), range32(b), out.bits.low32()));
  if (!is64) return out.zext32();
  put(out, combine_ranges(op, range64(a), range64(b), out.bits));
  out.sync();
  return out;
}

}  // namespace

Scalar alu(u8 op, bool is64, const Scalar& dst, const Scalar& src) {
  switch (op) {
    case BPF_ADD:
    case BPF_SUB:
    case BPF_MUL:
    case BPF_AND:
    case BPF_OR:
    case BPF_XOR:
      return combine(op, is64, dst, src);
    case BPF_LSH:
    case BPF_RSH:
    case BPF_ARSH: {
      const bool known = is64 ? src.is_const() && src.value() < 64 : src.low32_const() && src.bits.low32().value < 32;
      if (known) return shift(op, is64, dst, src);
      break;
    }
    default:
      break;
  }
  return Scalar::unknown();  // of 32-bit forms as well: Linux forgets their zero high bits here
}

namespace {
Tnum swap_bytes(Tnum a, int bits) {
  const int drop = 64 - bits;
  return {__builtin_bswap64(a.value) >> drop, __builtin_bswap64(a.mask) >> drop};
}
}  // namespace

Scalar byte_order(bool swap, int bits, const Scalar& a) {
  const Tnum kept = swap ? swap_bytes(a.bits, bits) : a.bits.truncated(bits);
  Scalar out;
  out.bits = kept;
  out.sync();
  return out;
}

Scalar negate(bool is64, const Scalar& dst) {
  return combine(BPF_SUB, is64, Scalar::constant(0), dst);
}

}  // namespace bpf::verifier
