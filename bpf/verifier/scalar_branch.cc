// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/scalar_branch.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "bpf/abi/insn.h"

namespace bpf::verifier {
namespace {

// Comparisons are written once over a view: 64 or 32 bits, each with its bounds by reference.
template <class U, class S>
struct View {
  U &umin, &umax;
  S &smin, &smax;
};
View<u64, s64> view64(Scalar& s) {
  return {s.umin, s.umax, s.smin, s.smax};
}
View<u32, s32> view32(Scalar& s) {
  return {s.u32_min, s.u32_max, s.s32_min, s.s32_max};
}

Branch yes_no(bool yes, bool no) {
  return yes ? Branch::always : no ? Branch::never : Branch::unknown;
}
Branch flip(Branch b) {
  return b == Branch::unknown ? b : b == Branch::always ? Branch::never : Branch::always;
}

template <class V>
Branch decide_equal(const V& a, const V& b, Tnum abits, Tnum bbits) {
  if (abits.is_const() && bbits.is_const()) return yes_no(abits.value == bbits.value, true);
  const bool disjoint =
      a.umin > b.umax || a.umax < b.umin || a.smin > b.smax || a.smax < b.smin || !agree(abits, bbits);
  return disjoint ? Branch::never : Branch::unknown;
}

template <class V>
Branch decide_view(u8 op, const V& a, const V& b, Tnum abits, Tnum bbits) {
  switch (op) {
    case BPF_JEQ:
      return decide_equal(a, b, abits, bbits);
    case BPF_JNE:
      return flip(decide_equal(a, b, abits, bbits));
    case BPF_JSET:
      return yes_no((abits.value & bbits.value) != 0, (abits.max() & bbits.max()) == 0);
    case BPF_JGT:
      return yes_no(a.umin > b.umax, a.umax <= b.umin);
    case BPF_JGE:
      return yes_no(a.umin >= b.umax, a.umax < b.umin);
    case BPF_JLT:
      return yes_no(a.umax < b.umin, a.umin >= b.umax);
    case BPF_JLE:
      return yes_no(a.umax <= b.umin, a.umin > b.umax);
    case BPF_JSGT:
      return yes_no(a.smin > b.smax, a.smax <= b.smin);
    case BPF_JSGE:
      return yes_no(a.smin >= b.smax, a.smax < b.smin);
    case BPF_JSLT:
      return yes_no(a.smax < b.smin, a.smin >= b.smax);
    case BPF_JSLE:
      return yes_no(a.smax <= b.smin, a.smin > b.smax);
    default:
      return Branch::unknown;
  }
}

u8 opposite(u8 op) {
  switch (op) {
    case BPF_JEQ:
      return BPF_JNE;
    case BPF_JNE:
      return BPF_JEQ;
    case BPF_JGT:
      return BPF_JLE;
    case BPF_JGE:
      return BPF_JLT;
    case BPF_JLT:
      return BPF_JGE;
    case BPF_JLE:
      return BPF_JGT;
    case BPF_JSGT:
      return BPF_JSLE;
    case BPF_JSGE:
      return BPF_JSLT;
    case BPF_JSLT:
      return BPF_JSGE;
    default:
      return BPF_JSGT;  // of BPF_JSLE
  }
}

// a < b or a <= b, unsigned and signed. `strict` moves a bound by one; it cannot wrap, for then no pair satisfies it
// and the untouched bounds stay sound.
template <class V>
void below_unsigned(V a, V b, bool strict) {
  using U = std::remove_reference_t<decltype(a.umin)>;
  if (strict && (b.umax == 0 || a.umin == std::numeric_limits<U>::max())) return;
  a.umax = std::min<U>(a.umax, b.umax - (strict ? 1 : 0));
  b.umin = std::max<U>(b.umin, a.umin + (strict ? 1 : 0));
}
template <class V>
void below_signed(V a, V b, bool strict) {
  using S = std::remove_reference_t<decltype(a.smin)>;
  if (strict && (b.smax == std::numeric_limits<S>::min() || a.smin == std::numeric_limits<S>::max())) return;
  a.smax = std::min<S>(a.smax, b.smax - (strict ? 1 : 0));
  b.smin = std::max<S>(b.smin, a.smin + (strict ? 1 : 0));
}

template <class V>
void equal(V a, V b) {
  a.umin = b.umin = std::max(a.umin, b.umin);
  a.umax = b.umax = std::min(a.umax, b.umax);
  a.smin = b.smin = std::max(a.smin, b.smin);
  a.smax = b.smax = std::min(a.smax, b.smax);
}

// A constant at the edge of the other's range moves that edge.
template <class V>
void unequal(V a, V b) {
  if (b.umin != b.umax) return;
  const auto u = b.umin;
  if (a.umin == u && a.umax != u)
    ++a.umin;
  else if (a.umax == u && a.umin != u)
    --a.umax;
  const auto s = static_cast<std::remove_reference_t<decltype(a.smin)>>(u);
  if (a.smin == s && a.smax != s)
    ++a.smin;
  else if (a.smax == s && a.smin != s)
    --a.smax;
}

void equal_bits(bool is32, Scalar& a, Scalar& b) {
  if (!is32) {
    if (agree(a.bits, b.bits)) a.bits = b.bits = intersect(a.bits, b.bits);
    return;
  }
  const Tnum al = a.bits.low32(), bl = b.bits.low32();
  if (!agree(al, bl)) return;
  const Tnum both = intersect(al, bl);
  a.bits = a.bits.with_low32(both);
  b.bits = b.bits.with_low32(both);
}

// a & mask == 0 clears those bits; a & single bit != 0 sets it.
void test_bits(bool is32, bool taken, Scalar& a, const Scalar& b) {
  const Tnum mask = is32 ? b.bits.low32() : b.bits;
  if (!mask.is_const()) return;
  if (!taken) {
    if ((a.bits.value & mask.value) != 0) return;
    // Linux forgets the ranges here; sharper ones would accept what it refuses.
    a.forget64();
    a.forget32();
    a.bits.mask &= ~mask.value;
  } else if (std::has_single_bit(mask.value) && (a.bits.mask & mask.value) != 0) {
    a.bits.value |= mask.value;
    a.bits.mask &= ~mask.value;
  }
}

template <class V>
void refine_view(u8 op, V a, V b) {
  switch (op) {
    case BPF_JEQ:
      return equal(a, b);
    case BPF_JNE:
      unequal(a, b);
      return unequal(b, a);
    case BPF_JLT:
      return below_unsigned(a, b, true);
    case BPF_JLE:
      return below_unsigned(a, b, false);
    case BPF_JGT:
      return below_unsigned(b, a, true);
    case BPF_JGE:
      return below_unsigned(b, a, false);
    case BPF_JSLT:
      return below_signed(a, b, true);
    case BPF_JSLE:
      return below_signed(a, b, false);
    case BPF_JSGT:
      return below_signed(b, a, true);
    case BPF_JSGE:
      return below_signed(b, a, false);
  }
}

}  // namespace

Branch decide(u8 op, bool is32, const Scalar& a, const Scalar& b) {
  Scalar x = a, y = b;  // views want lvalues; nothing is changed
  return is32 ? decide_view(op, view32(x), view32(y), a.bits.low32(), b.bits.low32())
              : decide_view(op, view64(x), view64(y), a.bits, b.bits);
}

void refine(u8 op, bool is32, bool taken, Scalar& a, Scalar& b) {
  if (op == BPF_JSET) {
    test_bits(is32, taken, a, b);
    if (!b.is_const()) test_bits(is32, taken, b, a);
  } else {
    if (!taken) op = opposite(op);
    if (op == BPF_JEQ) equal_bits(is32, a, b);
    if (is32) {
      refine_view(op, view32(a), view32(b));
    } else {
      refine_view(op, view64(a), view64(b));
      if (op == BPF_JEQ) equal(view32(a), view32(b));
    }
  }
  a.sync();
  b.sync();
}

}  // namespace bpf::verifier
