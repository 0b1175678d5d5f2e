// SPDX-License-Identifier: Apache-2.0
// Attacks that Linux 6.18 itself lets through; the others are cases in tests/data/verifier/attack.cases.
#include <gtest/gtest.h>

#include <string>

#include "bpf/verifier/verifier.h"
#include "tests/support/asm.h"

namespace {

bpf::verifier::Verdict verify(const std::string& text) {
  bpf::ProgSource source;
  source.type = bpf::BPF_PROG_TYPE_XDP;
  source.gpl_compatible = true;
  source.name = "attack";
  auto insns = support::assemble(text);
  EXPECT_TRUE(insns) << (insns ? "" : insns.error().what());
  if (insns) source.insns = *insns;
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

}  // namespace
