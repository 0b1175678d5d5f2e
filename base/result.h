// SPDX-License-Identifier: Apache-2.0
// result.h — a value, or the reason there is none.
//
// Shape     Error = positive errno (what bpf(2) returns, negated) + one sentence for a human.
// Threads   plain values; no sharing.
// Cost      success: one move of T and one index store. Not for the packet path: there, packets
//           have verdicts and drops have rows in drops.def.
#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace base {

class [[nodiscard]] Error {
 public:
  Error(int code, std::string what) : code_(code), what_(std::move(what)) {}

  int code() const noexcept { return code_; }
  const std::string& what() const noexcept { return what_; }

  // Prepends the caller's context: "link xdp on port wan0: map 'flows': max_entries is 0".
  Error in(std::string_view where) && {
    what_.insert(0, std::string(where) + ": ");
    return std::move(*this);
  }

 private:
  int code_;
  std::string what_;
};

struct Unit {};

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : v_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const noexcept { return v_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }

  // REQUIRES: ok().
  T& operator*() & noexcept { return *std::get_if<0>(&v_); }
  const T& operator*() const& noexcept { return *std::get_if<0>(&v_); }
  T&& operator*() && noexcept { return std::move(*std::get_if<0>(&v_)); }
  T* operator->() noexcept { return std::get_if<0>(&v_); }
  const T* operator->() const noexcept { return std::get_if<0>(&v_); }

  // REQUIRES: !ok().
  Error& error() & noexcept { return *std::get_if<1>(&v_); }
  const Error& error() const& noexcept { return *std::get_if<1>(&v_); }
  Error&& error() && noexcept { return std::move(*std::get_if<1>(&v_)); }

  // Adds context to an error and leaves a value alone: `return open(f).in("object " + f);`
  Result in(std::string_view where) && {
    if (ok()) return std::move(*this);
    return std::move(*std::get_if<1>(&v_)).in(where);
  }

 private:
  std::variant<T, Error> v_;
};

using Status = Result<Unit>;
inline Status success() { return Unit{}; }

}  // namespace base

#define SLUICE_CAT_(a, b) a##b
#define SLUICE_CAT(a, b) SLUICE_CAT_(a, b)
#define SLUICE_TRY_(tmp, decl, expr)       \
  auto tmp = (expr);                       \
  if (!tmp) return std::move(tmp).error(); \
  decl = *std::move(tmp)
// Evaluates `expr`: returns its error from the enclosing function, or sets `decl` to its value.
#define SLUICE_TRY(decl, expr) SLUICE_TRY_(SLUICE_CAT(try_, __LINE__), decl, expr)
#define SLUICE_CHECK_(tmp, expr) \
  if (auto tmp = (expr); !tmp) return std::move(tmp).error()
// The same for a Status.
#define SLUICE_CHECK(expr) SLUICE_CHECK_(SLUICE_CAT(check_, __LINE__), expr)
