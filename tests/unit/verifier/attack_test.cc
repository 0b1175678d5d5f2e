// SPDX-License-Identifier: Apache-2.0
// Attacks that Linux 6.18 itself lets through; the others are cases in tests/data/verifier/attack.cases.
#include <gtest/gtest.h>

#include <string>

#include "bpf/verifier/verifier.h"
#include "tests/support/asm.h"
#include "tests/support/case_btf.h"

namespace {

bpf::verifier::Verdict verify(const std::string& text, const std::vector<std::string>& functions = {}) {
  bpf::ProgSource source;
  source.type = bpf::BPF_PROG_TYPE_XDP;
  source.gpl_compatible = true;
  source.name = "attack";
  std::map<std::string, std::size_t> labels;
  auto insns = support::assemble(text, &labels);
  EXPECT_TRUE(insns) << (insns ? "" : insns.error().what());
  if (insns) source.insns = *insns;
  EXPECT_TRUE(support::add_functions(source, functions, labels));
  return bpf::verifier::verify(source, {});
}

// A short packet takes the way to `beyond`, and falls through there: data itself does not lie behind the end.
std::string moved_back(const std::string& comparison, int by) {
  return "r7 = *(u32 *)(r1 +0)\nr8 = *(u32 *)(r1 +4)\nr2 = r7\nr2 += 14\nif r2 " + comparison +
         " r8 goto beyond\nr0 = 2\nexit\nbeyond:\nr2 += " + std::to_string(by) + "\nif r2 " + comparison +
         " r8 goto out\nr9 = 0\nr0 = *(u8 *)(r9 +0)\nexit\nout:\nr0 = 2\nexit\n";
}

TEST(Attack, APointerFoundBeyondTheEndAndMovedBackIsNotBeyondIt) {
  EXPECT_EQ(verify(moved_back(">", -14)).error, EACCES);
}
TEST(Attack, APointerFoundAtTheEndAndMovedBackIsNotAtIt) {
  EXPECT_EQ(verify(moved_back(">=", -14)).error, EACCES);
}
TEST(Attack, APointerFoundBeyondTheEndAndNotMovedStillIs) {
  EXPECT_EQ(verify(moved_back(">", 0)).error, 0);
}

// The function reads what its signature calls never null.
TEST(Attack, ANullIsNotHandedToAPointerTaggedNonnull) {
  const auto verdict = verify("r1 = 0\ncall f\nr0 = 0\nexit\nf:\nr0 = *(u64 *)(r1 +8)\nexit\n",
                              {"global int main(struct xdp_md *ctx)", "global int f(struct pair *p __arg_nonnull)"});
  EXPECT_EQ(verdict.error, EINVAL);
  EXPECT_NE(verdict.log.find("arg#0 is expected to be non-NULL"), std::string::npos);
}

// Linux 6.18 takes a negative offset for a large one and lets it pass.
TEST(Attack, NothingLiesBeforeATracepointsRecord) {
  auto insns = support::assemble("r0 = *(u64 *)(r1 -8)\nexit\n");
  ASSERT_TRUE(insns);
  bpf::ProgSource source;
  source.type = bpf::BPF_PROG_TYPE_TRACEPOINT;
  source.insns = *insns;
  EXPECT_EQ(bpf::verifier::verify(source, {}).error, EACCES);
}

}  // namespace
