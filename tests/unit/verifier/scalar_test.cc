// SPDX-License-Identifier: Apache-2.0
// Numbers: an abstract number is made around concrete members; whatever is computed with it must hold what the members
// give. Members are dense and small (8 bits), and moved to every place where something wraps or changes sign.
#include "bpf/verifier/scalar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

#include "bpf/abi/insn.h"
#include "bpf/verifier/scalar_alu.h"
#include "bpf/verifier/scalar_branch.h"

namespace {

using namespace bpf::verifier;  // NOLINT
using namespace bpf;            // NOLINT

constexpr u64 kPlaces[] = {
    0, 0x80, 0x7fffffc0, 0xffffffc0, 0x100000000, 0x7fffffffffffffc0, 0x8000000000000000, 0xffffffffffffff80};

// The least abstract number around the members that each view alone can express.
Scalar hull(const std::vector<u64>& xs) {
  Scalar s = Scalar::constant(xs[0]);
  for (const u64 x : xs) {
    const Scalar c = Scalar::constant(x);
    s.bits = join(s.bits, c.bits);
    s.umin = std::min(s.umin, c.umin);
    s.umax = std::max(s.umax, c.umax);
    s.smin = std::min(s.smin, c.smin);
    s.smax = std::max(s.smax, c.smax);
    s.u32_min = std::min(s.u32_min, c.u32_min);
    s.u32_max = std::max(s.u32_max, c.u32_max);
    s.s32_min = std::min(s.s32_min, c.s32_min);
    s.s32_max = std::max(s.s32_max, c.s32_max);
  }
  return s;
}

struct Sample {
  std::vector<u64> members;
  Scalar scalar;
};

// Some views are dropped at random: the others must bring back what they can, and never more.
Sample make_sample(std::mt19937_64& random) {
  Sample s;
  const u64 place = kPlaces[random() % std::size(kPlaces)];
  const u64 width = u64{1} << (random() % 9);
  const int n = 1 + static_cast<int>(random() % 5);
  for (int i = 0; i < n; ++i) s.members.push_back(place + random() % width + (random() % 16 == 0 ? random() : 0));
  s.scalar = hull(s.members);
  if (random() % 3 == 0) s.scalar.bits = Tnum::unknown();
  if (random() % 3 == 0) s.scalar.umin = 0, s.scalar.umax = ~u64{0};
  if (random() % 3 == 0)
    s.scalar.smin = std::numeric_limits<s64>::min(), s.scalar.smax = std::numeric_limits<s64>::max();
  if (random() % 3 == 0) s.scalar.forget32();
  return s;
}

u64 concrete(u8 op, bool is64, u64 a, u64 b) {
  if (!is64) a = static_cast<u32>(a), b = static_cast<u32>(b);
  const u32 n = static_cast<u32>(b & (is64 ? 63 : 31));
  u64 r = 0;
  switch (op) {
    case BPF_ADD:
      r = a + b;
      break;
    case BPF_SUB:
      r = a - b;
      break;
    case BPF_MUL:
      r = a * b;
      break;
    case BPF_DIV:
      r = b == 0 ? 0 : a / b;
      break;
    case BPF_MOD:
      r = b == 0 ? a : a % b;
      break;
    case BPF_AND:
      r = a & b;
      break;
    case BPF_OR:
      r = a | b;
      break;
    case BPF_XOR:
      r = a ^ b;
      break;
    case BPF_LSH:
      r = a << n;
      break;
    case BPF_RSH:
      r = a >> n;
      break;
    case BPF_ARSH:
      r = is64 ? static_cast<u64>(static_cast<s64>(a) >> n)
               : static_cast<u64>(static_cast<s64>(static_cast<s32>(a) >> n));
      break;
  }
  return is64 ? r : static_cast<u32>(r);
}

bool compare(u8 op, bool is32, u64 a, u64 b) {
  const s64 sa = is32 ? static_cast<s32>(a) : static_cast<s64>(a),
            sb = is32 ? static_cast<s32>(b) : static_cast<s64>(b);
  if (is32) a = static_cast<u32>(a), b = static_cast<u32>(b);
  switch (op) {
    case BPF_JEQ:
      return a == b;
    case BPF_JNE:
      return a != b;
    case BPF_JSET:
      return (a & b) != 0;
    case BPF_JGT:
      return a > b;
    case BPF_JGE:
      return a >= b;
    case BPF_JLT:
      return a < b;
    case BPF_JLE:
      return a <= b;
    case BPF_JSGT:
      return sa > sb;
    case BPF_JSGE:
      return sa >= sb;
    case BPF_JSLT:
      return sa < sb;
    default:
      return sa <= sb;
  }
}

constexpr u8 kOps[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,  BPF_AND,
                       BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_ARSH};
constexpr u8 kJumps[] = {BPF_JEQ,  BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT,
                         BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE};
constexpr int kRounds = 300000;

TEST(Scalar, LettingViewsLearnFromEachOtherLosesNoMember) {
  std::mt19937_64 random(1);
  for (int i = 0; i < kRounds; ++i) {
    const Sample s = make_sample(random);
    Scalar t = s.scalar;
    t.sync();
    for (const u64 x : s.members) ASSERT_TRUE(t.contains(x)) << std::hex << x;
  }
}

TEST(Scalar, ArithmeticHoldsEveryConcreteResult) {
  std::mt19937_64 random(2);
  for (int i = 0; i < kRounds; ++i) {
    const Sample a = make_sample(random);
    Sample b = make_sample(random);
    const u8 op = kOps[random() % std::size(kOps)];
    const bool is64 = random() % 2;
    if ((op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) && random() % 4 != 0) {
      const u64 n = random() % (is64 ? 64 : 32);
      b = {{n}, Scalar::constant(n)};
    }
    const Scalar r = alu(op, is64, a.scalar, b.scalar);
    for (const u64 x : a.members)
      for (const u64 y : b.members)
        ASSERT_TRUE(r.contains(concrete(op, is64, x, y)))
            << "op " << int{op} << " is64 " << is64 << std::hex << " x " << x << " y " << y;
  }
}

TEST(Scalar, UnaryOperationsHoldEveryConcreteResult) {
  std::mt19937_64 random(3);
  for (int i = 0; i < kRounds; ++i) {
    const Sample a = make_sample(random);
    for (const u64 x : a.members) {
      ASSERT_TRUE(negate(true, a.scalar).contains(-x));
      ASSERT_TRUE(negate(false, a.scalar).contains(static_cast<u32>(-x)));
      for (const int bytes : {1, 2, 4}) {
        const int up = 64 - bytes * 8;
        ASSERT_TRUE(a.scalar.truncated(bytes).contains(x << up >> up)) << bytes << std::hex << " " << x;
        ASSERT_TRUE(a.scalar.sign_extended(bytes).contains(static_cast<u64>(static_cast<s64>(x << up) >> up)))
            << bytes << std::hex << " " << x;
      }
      ASSERT_TRUE(byte_order(true, 16, a.scalar).contains(__builtin_bswap16(static_cast<u16>(x))));
      ASSERT_TRUE(byte_order(true, 32, a.scalar).contains(__builtin_bswap32(static_cast<u32>(x))));
      ASSERT_TRUE(byte_order(true, 64, a.scalar).contains(__builtin_bswap64(x)));
      ASSERT_TRUE(byte_order(false, 16, a.scalar).contains(static_cast<u16>(x)));
    }
  }
}

TEST(Scalar, ABranchIsDecidedOnlyWhenAllMembersAgree) {
  std::mt19937_64 random(4);
  int decided = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Sample a = make_sample(random), b = make_sample(random);
    const u8 op = kJumps[random() % std::size(kJumps)];
    const bool is32 = random() % 2;
    const Branch way = decide(op, is32, a.scalar, b.scalar);
    if (way == Branch::unknown) continue;
    ++decided;
    for (const u64 x : a.members)
      for (const u64 y : b.members)
        ASSERT_EQ(compare(op, is32, x, y), way == Branch::always)
            << "op " << int{op} << " is32 " << is32 << std::hex << " x " << x << " y " << y;
  }
  EXPECT_GT(decided, kRounds / 20);
}

TEST(Scalar, ATakenBranchKeepsEveryPairThatTakesIt) {
  std::mt19937_64 random(5);
  for (int i = 0; i < kRounds; ++i) {
    const Sample a = make_sample(random), b = random() % 2 ? make_sample(random) : a;
    const u8 op = kJumps[random() % std::size(kJumps)];
    const bool is32 = random() % 2;
    for (const bool taken : {false, true}) {
      Scalar ra = a.scalar, rb = b.scalar;
      refine(op, is32, taken, ra, rb);
      for (const u64 x : a.members)
        for (const u64 y : b.members) {
          if (compare(op, is32, x, y) != taken) continue;
          ASSERT_TRUE(ra.contains(x) && rb.contains(y))
              << "op " << int{op} << " is32 " << is32 << " taken " << taken << std::hex << " x " << x << " y " << y;
        }
    }
  }
}

TEST(Scalar, InclusionMeansEveryMemberOfTheInnerIsOneOfTheOuter) {
  std::mt19937_64 random(6);
  int included = 0;
  for (int i = 0; i < kRounds; ++i) {
    const Sample a = make_sample(random);
    Sample b = a;
    if (random() % 2) b = make_sample(random);
    if (!includes(a.scalar, b.scalar)) continue;
    ++included;
    for (const u64 x : b.members) ASSERT_TRUE(a.scalar.contains(x));
  }
  EXPECT_GT(included, 1000);
}

// All pairs of 8-bit intervals against all constants: the bounds must be the best ones.
TEST(Scalar, EightBitComparisonsGiveTheTightestUnsignedBounds) {
  for (u64 lo = 0; lo < 256; lo += 5)
    for (u64 hi = lo; hi < 256; hi += 7)
      for (u64 c = 0; c < 256; c += 3) {
        if (c <= lo || c > hi) continue;
        Scalar a = Scalar::of_bytes(1), k = Scalar::constant(c);
        a.umin = lo;
        a.umax = hi;
        a.sync();
        Scalar below = a, above = a;
        refine(BPF_JLT, false, true, below, k);
        refine(BPF_JLT, false, false, above, k);
        EXPECT_EQ(below.umax, c - 1);
        EXPECT_EQ(above.umin, c);
        EXPECT_EQ(below.smax, static_cast<s64>(c - 1));
        EXPECT_EQ(above.u32_min, c);
      }
}

}  // namespace
