// SPDX-License-Identifier: Apache-2.0
// Known bits, exhaustively: every tristate number of five bits, every pair, every member.
#include "bpf/verifier/tnum.h"

#include <gtest/gtest.h>

#include <vector>

namespace {

using namespace bpf::verifier;  // NOLINT

constexpr int kBits = 5;

std::vector<Tnum> all_tnums() {
  std::vector<Tnum> all;
  for (u64 mask = 0; mask < 1U << kBits; ++mask)
    for (u64 value = 0; value < 1U << kBits; ++value)
      if ((value & mask) == 0) all.push_back({value, mask});
  return all;
}

// Calls f for each member.
template <class F>
void members(Tnum t, F f) {
  u64 sub = 0;
  do {
    f(t.value | sub);
    sub = (sub - t.mask) & t.mask;
  } while (sub != 0);
}

template <class Op, class Concrete>
u64 count_escapes(Op op, Concrete concrete) {
  u64 escapes = 0;
  const auto all = all_tnums();
  for (const Tnum a : all)
    for (const Tnum b : all) {
      const Tnum r = op(a, b);
      escapes += (r.value & r.mask) != 0;
      members(a, [&](u64 x) { members(b, [&](u64 y) { escapes += !r.contains(concrete(x, y)); }); });
    }
  return escapes;
}

TEST(Tnum, SumsHoldEveryConcreteSum) {
  EXPECT_EQ(count_escapes(add, [](u64 x, u64 y) { return x + y; }), 0U);
}
TEST(Tnum, DifferencesHoldEveryConcreteDifference) {
  EXPECT_EQ(count_escapes(sub, [](u64 x, u64 y) { return x - y; }), 0U);
}
TEST(Tnum, ProductsHoldEveryConcreteProduct) {
  EXPECT_EQ(count_escapes(mul, [](u64 x, u64 y) { return x * y; }), 0U);
}
TEST(Tnum, AndIsExact) {
  EXPECT_EQ(count_escapes(bit_and, [](u64 x, u64 y) { return x & y; }), 0U);
}
TEST(Tnum, OrIsExact) {
  EXPECT_EQ(count_escapes(bit_or, [](u64 x, u64 y) { return x | y; }), 0U);
}
TEST(Tnum, XorIsExact) {
  EXPECT_EQ(count_escapes(bit_xor, [](u64 x, u64 y) { return x ^ y; }), 0U);
}
TEST(Tnum, JoinHoldsBothSides) {
  EXPECT_EQ(count_escapes(join, [](u64 x, u64) { return x; }), 0U);
  EXPECT_EQ(count_escapes(join, [](u64, u64 y) { return y; }), 0U);
}

// The best result knows a bit exactly when all concrete results agree on it.
TEST(Tnum, SumsAndDifferencesKnowEveryBitThatCanBeKnown) {
  const auto all = all_tnums();
  for (const Tnum a : all)
    for (const Tnum b : all) {
      u64 ones = ~u64{0}, zeros = ~u64{0}, dones = ~u64{0}, dzeros = ~u64{0};
      members(a, [&](u64 x) {
        members(b, [&](u64 y) {
          ones &= x + y;
          zeros &= ~(x + y);
          dones &= x - y;
          dzeros &= ~(x - y);
        });
      });
      EXPECT_EQ(add(a, b), (Tnum{ones, ~(ones | zeros)}));
      EXPECT_EQ(sub(a, b), (Tnum{dones, ~(dones | dzeros)}));
    }
}

TEST(Tnum, IntersectionHoldsWhatIsInBoth) {
  const auto all = all_tnums();
  for (const Tnum a : all)
    for (const Tnum b : all) {
      if (!agree(a, b)) continue;
      const Tnum r = intersect(a, b);
      for (u64 x = 0; x < 1U << kBits; ++x) EXPECT_EQ(r.contains(x), a.contains(x) && b.contains(x));
    }
}

TEST(Tnum, InclusionIsThatOfTheMemberSets) {
  const auto all = all_tnums();
  for (const Tnum a : all)
    for (const Tnum b : all) {
      bool subset = true;
      members(b, [&](u64 x) { subset &= a.contains(x); });
      EXPECT_EQ(includes(a, b), subset);
    }
}

TEST(Tnum, ARangeHoldsAllOfItsNumbers) {
  for (u64 lo = 0; lo < 64; ++lo)
    for (u64 hi = lo; hi < 64; ++hi)
      for (u64 x = lo; x <= hi; ++x) EXPECT_TRUE(Tnum::range(lo, hi).contains(x));
  EXPECT_EQ(Tnum::range(0, ~u64{0}), Tnum::unknown());
}

TEST(Tnum, ShiftsAndSignExtensionsHoldEveryConcreteOne) {
  for (const Tnum t : all_tnums())
    for (u32 n = 0; n < 64; ++n) {
      const Tnum high{t.value << 59, t.mask << 59}, mid{t.value << 29, t.mask << 29};
      members(t, [&](u64 x) {
        EXPECT_TRUE(shl(t, n).contains(x << n));
        EXPECT_TRUE(shr(high, n).contains((x << 59) >> n));
        EXPECT_TRUE(sar(high, n, 64).contains(static_cast<u64>(static_cast<s64>(x << 59) >> n)));
        if (n < 32) {
          EXPECT_TRUE(sar(mid.low32(), n, 32).contains(static_cast<u32>(static_cast<s32>(x << 29) >> n)));
        }
        EXPECT_TRUE(sign_extend(mid, 32).contains(static_cast<u64>(static_cast<s64>(static_cast<s32>(x << 29)))));
        EXPECT_TRUE(sign_extend(Tnum{t.value << 3, t.mask << 3}, 8)
                        .contains(static_cast<u64>(static_cast<s64>(static_cast<s8>(x << 3)))));
      });
    }
}

}  // namespace
