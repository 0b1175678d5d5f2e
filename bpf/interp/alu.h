// SPDX-License-Identifier: Apache-2.0
// alu.h — arithmetic and comparisons of the instruction set as pure functions of numbers, in tables by operation.
//
// Shape     T is u64 or u32; `off` is the instruction's offset field, which selects the signed forms.
//           kAlu<T>[op >> 4] and kCompare<T>[op >> 4]; a null entry is not an operation of that kind.
// Source    RFC 9669 sections 4.1, 4.2, 4.3: division by zero gives 0, modulo by zero leaves dst, shift
//           counts are masked, INT_MIN / -1 wraps.
#pragma once

#include <array>
#include <type_traits>

#include "base/types.h"
#include "bpf/abi/insn.h"

namespace bpf::interp {

template <class T>
using Signed = std::make_signed_t<T>;

template <class T>
constexpr T add(T a, T b, int) {
  return a + b;
}
template <class T>
constexpr T sub(T a, T b, int) {
  return a - b;
}
template <class T>
constexpr T mul(T a, T b, int) {
  return a * b;
}
template <class T>
constexpr T bit_or(T a, T b, int) {
  return a | b;
}
template <class T>
constexpr T bit_and(T a, T b, int) {
  return a & b;
}
template <class T>
constexpr T bit_xor(T a, T b, int) {
  return a ^ b;
}
template <class T>
constexpr T neg(T a, T, int) {
  return T(0) - a;
}

template <class T>
constexpr T shift_left(T a, T b, int) {
  return a << (b & (sizeof(T) * 8 - 1));
}
template <class T>
constexpr T shift_right(T a, T b, int) {
  return a >> (b & (sizeof(T) * 8 - 1));
}
template <class T>
constexpr T shift_right_signed(T a, T b, int) {
  return T(Signed<T>(a) >> (b & (sizeof(T) * 8 - 1)));
}

// -1 is taken out first: its quotient is the negation, which wraps for the smallest number.
template <class T>
constexpr T divide(T a, T b, int off) {
  if (b == 0) return 0;
  if (off == 0) return a / b;
  return b == T(-1) ? T(0) - a : T(Signed<T>(a) / Signed<T>(b));
}
template <class T>
constexpr T modulo(T a, T b, int off) {
  if (b == 0) return a;
  if (off == 0) return a % b;
  return b == T(-1) ? 0 : T(Signed<T>(a) % Signed<T>(b));
}

// `off` bits are moved and sign-extended; 0 moves all.
template <class T>
constexpr T move(T, T b, int off) {
  switch (off) {
    case 8:
      return T(Signed<T>(base::s8(b)));
    case 16:
      return T(Signed<T>(base::s16(b)));
    case 32:
      return T(Signed<T>(base::s32(b)));
    default:
      return b;
  }
}

template <class T>
using AluFn = T (*)(T dst, T src, int off);

template <class T>
inline constexpr auto kAlu = [] {
  std::array<AluFn<T>, 16> t{};
  t[BPF_ADD >> 4] = add<T>;
  t[BPF_SUB >> 4] = sub<T>;
  t[BPF_MUL >> 4] = mul<T>;
  t[BPF_DIV >> 4] = divide<T>;
  t[BPF_OR >> 4] = bit_or<T>;
  t[BPF_AND >> 4] = bit_and<T>;
  t[BPF_LSH >> 4] = shift_left<T>;
  t[BPF_RSH >> 4] = shift_right<T>;
  t[BPF_NEG >> 4] = neg<T>;
  t[BPF_MOD >> 4] = modulo<T>;
  t[BPF_XOR >> 4] = bit_xor<T>;
  t[BPF_MOV >> 4] = move<T>;
  t[BPF_ARSH >> 4] = shift_right_signed<T>;
  return t;
}();

template <class T>
using CompareFn = bool (*)(T dst, T src);

template <class T>
inline constexpr auto kCompare = [] {
  std::array<CompareFn<T>, 16> t{};
  t[BPF_JEQ >> 4] = [](T a, T b) { return a == b; };
  t[BPF_JNE >> 4] = [](T a, T b) { return a != b; };
  t[BPF_JSET >> 4] = [](T a, T b) { return (a & b) != 0; };
  t[BPF_JGT >> 4] = [](T a, T b) { return a > b; };
  t[BPF_JGE >> 4] = [](T a, T b) { return a >= b; };
  t[BPF_JLT >> 4] = [](T a, T b) { return a < b; };
  t[BPF_JLE >> 4] = [](T a, T b) { return a <= b; };
  t[BPF_JSGT >> 4] = [](T a, T b) { return Signed<T>(a) > Signed<T>(b); };
  t[BPF_JSGE >> 4] = [](T a, T b) { return Signed<T>(a) >= Signed<T>(b); };
  t[BPF_JSLT >> 4] = [](T a, T b) { return Signed<T>(a) < Signed<T>(b); };
  t[BPF_JSLE >> 4] = [](T a, T b) { return Signed<T>(a) <= Signed<T>(b); };
  return t;
}();

// BPF_END: the low `bits` of v in the other byte order, zero-extended. bits is 16, 32 or 64.
constexpr base::u64 swap_bytes(base::u64 v, int bits) {
  return base::byte_swap(v) >> (64 - bits);
}
constexpr base::u64 keep_bytes(base::u64 v, int bits) {
  return bits == 64 ? v : v & ((base::u64(1) << bits) - 1);
}

}  // namespace bpf::interp
