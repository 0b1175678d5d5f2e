// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/types.h"

namespace base {
namespace {

Result<int> half(int n) {
  if (n % 2) return Error(EINVAL, std::to_string(n) + " is odd");
  return n / 2;
}

Result<int> quarter(int n) {
  SLUICE_TRY(int h, half(n));
  SLUICE_TRY(int q, half(h));
  return q;
}

Status check_even(int n) {
  SLUICE_CHECK(half(n));
  return success();
}

TEST(Result, CarriesAValueOrTheReasonThereIsNone) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().what(), "3 is odd");
  EXPECT_EQ(quarter(6).error().code(), EINVAL);
}

TEST(Result, CallersAddContextInFront) {
  auto r = quarter(5).in("port wan0").in("config");
  EXPECT_EQ(r.error().what(), "config: port wan0: 5 is odd");
}

TEST(Result, StatusPassesErrorsOn) {
  EXPECT_TRUE(check_even(2).ok());
  EXPECT_FALSE(check_even(3).ok());
}

TEST(Result, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<int>> r = std::make_unique<int>(7);
  auto p = *std::move(r);
  EXPECT_EQ(*p, 7);
}

TEST(BigEndian, WireOrderIsNetworkOrder) {
  be32 a = be32::from_host(0xc0000201);
  unsigned char bytes[4];
  __builtin_memcpy(bytes, &a, 4);
  EXPECT_EQ(bytes[0], 192);
  EXPECT_EQ(bytes[3], 1);
  EXPECT_EQ(a.host(), 0xc0000201U);
}

}  // namespace
}  // namespace base
