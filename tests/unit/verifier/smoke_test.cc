// SPDX-License-Identifier: Apache-2.0
// What the verdict carries: facts for lowering, errors in words, statistics.
#include <gtest/gtest.h>

#include "bpf/abi/flags.h"
#include "bpf/abi/func_id.h"
#include "bpf/verifier/verifier.h"
#include "tests/support/insn.h"

namespace {

using namespace support;  // NOLINT: the instruction builders
using namespace bpf;      // NOLINT: the words of the ABI

ProgSource xdp(std::initializer_list<Op> ops) {
  ProgSource source;
  source.type = BPF_PROG_TYPE_XDP;
  source.gpl_compatible = true;
  source.name = "t";
  source.insns = code(ops);
  return source;
}

MapFacts array_map(u32 value_size, u32 entries) {
  MapFacts map;
  map.type = BPF_MAP_TYPE_ARRAY;
  map.key_size = 4;
  map.value_size = value_size;
  map.max_entries = entries;
  map.name = "m";
  return map;
}

TEST(Verifier, FactsNameTheMemoryEachInstructionTouches) {
  ProgSource source = xdp({ldx(BPF_W, R2, R1, 0), ldx(BPF_W, R3, R1, 4), mov64_reg(R4, R2), add64_imm(R4, 14),
                           jmp_reg(BPF_JGT, R4, R3, 2), ldx(BPF_B, R0, R2, 13), stx(BPF_DW, R10, R0, -8),
                           mov64_imm(R0, 2), exit_insn()});
  const auto v = verifier::verify(source, {.log_level = BPF_LOG_LEVEL2});
  ASSERT_TRUE(v.accepted()) << v.log;
  EXPECT_EQ(v.program.facts[0].mem, MemKind::ctx);
  EXPECT_EQ(v.program.facts[0].ctx_offset, 0);
  EXPECT_EQ(v.program.facts[1].ctx_offset, 4);
  EXPECT_EQ(v.program.facts[5].mem, MemKind::packet);
  EXPECT_EQ(v.program.facts[6].mem, MemKind::stack);
  EXPECT_TRUE(v.program.facts[8].reached);
  ASSERT_EQ(v.program.subprogs.size(), 1U);
  EXPECT_EQ(v.program.subprogs[0].stack_bytes, 32U);
}

TEST(Verifier, HelperCallsNameTheirMap) {
  ProgSource source = xdp({st(BPF_W, R10, -4, 0), mov64_reg(R2, R10), add64_imm(R2, -4), ld_map(R1, 0),
                           call_helper(BPF_FUNC_map_lookup_elem), jmp_imm(BPF_JEQ, R0, 0, 1), ldx(BPF_DW, R0, R0, 0),
                           mov64_imm(R0, 2), exit_insn()});
  source.maps = {array_map(8, 4)};
  const auto v = verifier::verify(source, {});
  ASSERT_TRUE(v.accepted()) << v.log;
  EXPECT_EQ(v.program.facts[5].map_index, 0);
  EXPECT_FALSE(v.program.facts[5].map_ptr_several);
  EXPECT_EQ(v.program.facts[7].mem, MemKind::map_value);
}

TEST(Verifier, ACallThatCanGetTwoMapsSaysSo) {
  ProgSource source = xdp({st(BPF_W, R10, -4, 0), ldx(BPF_W, R6, R1, 12), mov64_reg(R2, R10), add64_imm(R2, -4),
                           ld_map(R1, 0), jmp_imm(BPF_JEQ, R6, 7, 2), ld_map(R1, 1),
                           call_helper(BPF_FUNC_map_lookup_elem), mov64_imm(R0, 2), exit_insn()});
  source.maps = {array_map(8, 4), array_map(8, 8)};
  const auto v = verifier::verify(source, {});
  ASSERT_TRUE(v.accepted()) << v.log;
  EXPECT_EQ(v.program.facts[9].map_index, -1);
  EXPECT_TRUE(v.program.facts[9].map_ptr_several);
}

TEST(Verifier, WhatIsNotKnownIsRefusedInWords) {
  ProgSource source = xdp({mov64_imm(R0, 2), exit_insn()});
  source.prog_flags = BPF_F_XDP_DEV_BOUND_ONLY;
  const auto v = verifier::verify(source, {});
  EXPECT_FALSE(v.accepted());
  EXPECT_TRUE(v.unsupported);
  EXPECT_NE(v.reason.find("device-bound"), std::string::npos) << v.reason;
}

TEST(Verifier, ARefusalCarriesTheHostsSentenceAndOurReason) {
  const auto v = verifier::verify(xdp({mov64_reg(R0, R3), exit_insn()}), {});
  EXPECT_EQ(v.error, EACCES);
  EXPECT_EQ(v.insn, 0U);
  EXPECT_EQ(v.reason, "R3 !read_ok");
  EXPECT_NE(v.log.find("R3 !read_ok\nprocessed 1 insns (limit 1000000)"), std::string::npos) << v.log;
}

TEST(Verifier, AnAccessToTwoKindsOfMemoryPromisesNone) {
  // r2 is the stack or a map value; the load below goes to either.
  ProgSource source =
      xdp({st(BPF_DW, R10, -8, 0), ldx(BPF_W, R6, R1, 12), ld_map_value(R2, 0, 0), jmp_imm(BPF_JEQ, R6, 7, 2),
           mov64_reg(R2, R10), add64_imm(R2, -8), ldx(BPF_DW, R0, R2, 0), exit_insn()});
  source.maps = {array_map(8, 1)};
  const auto v = verifier::verify(source, {});
  ASSERT_TRUE(v.accepted()) << v.log;
  EXPECT_TRUE(v.program.facts[7].reached);
  EXPECT_EQ(v.program.facts[7].mem, MemKind::none);
}

}  // namespace
