// SPDX-License-Identifier: Apache-2.0
#include "base/percpu.h"

#include <gtest/gtest.h>

namespace base {
namespace {

TEST(CpuList, ReadsNumbersAndRanges) {
  EXPECT_EQ(*parse_cpu_list("0"), (std::vector<u32>{0}));
  EXPECT_EQ(*parse_cpu_list("0-3"), (std::vector<u32>{0, 1, 2, 3}));
  EXPECT_EQ(*parse_cpu_list("0-1,4,6-7"), (std::vector<u32>{0, 1, 4, 6, 7}));
  EXPECT_TRUE(parse_cpu_list("")->empty());
}

TEST(CpuList, RefusesWhatIsNoList) {
  for (const char* text : {"a", "1-", "-1", "3-1", "1,", ",1", "1 2", "0-99999999", "8192", "1--2"}) {
    const auto cpus = parse_cpu_list(text);
    ASSERT_FALSE(cpus.ok()) << text;
    EXPECT_EQ(cpus.error().code(), EINVAL);
  }
}

TEST(PossibleCpus, HoldTheOneThisThreadRunsOn) {
  EXPECT_GE(possible_cpu_count(), 1U);
  EXPECT_LT(current_cpu(), possible_cpu_count());
}

}  // namespace
}  // namespace base
