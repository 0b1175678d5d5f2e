// SPDX-License-Identifier: Apache-2.0
// Each instruction family against expected values, in both tiers.
#include <cstring>

#include "tests/unit/jit/harness.h"

namespace bpf::jit {
namespace {
using namespace support;

TEST(JitAlu, DivisionByZeroGivesZeroAndModuloLeavesTheDividend) {
  for (const int sign : {0, 1}) {
    EXPECT_EQ(run({mov64_imm(R0, 7), mov64_imm(R1, 0), alu64_reg(BPF_DIV, R0, R1, sign), exit_insn()}), 0u);
    EXPECT_EQ(run({mov64_imm(R0, 7), mov64_imm(R1, 0), alu64_reg(BPF_MOD, R0, R1, sign), exit_insn()}), 7u);
    EXPECT_EQ(run({mov64_imm(R0, -7), mov64_imm(R1, 0), alu32_reg(BPF_DIV, R0, R1, sign), exit_insn()}), 0u);
    EXPECT_EQ(run({mov64_imm(R0, -7), mov64_imm(R1, 0), alu32_reg(BPF_MOD, R0, R1, sign), exit_insn()}), 0xfffffff9u);
  }
}

TEST(JitAlu, SmallestNumberDividedByMinusOneWraps) {
  const auto smallest = [](int shift) {
    return std::vector<Op>{mov64_imm(R0, 1), alu64_imm(BPF_LSH, R0, shift), mov64_imm(R1, -1)};
  };
  const auto with = [&](int shift, Op op) {
    std::vector<bpf_insn> insns;
    for (const Op& o : smallest(shift)) insns.insert(insns.end(), o.insns.begin(), o.insns.begin() + o.count);
    insns.push_back(op.insns[0]);
    insns.push_back(exit_insn().insns[0]);
    return run(lowered(insns));
  };
  EXPECT_EQ(with(63, alu64_reg(BPF_DIV, R0, R1, 1)), u64(1) << 63);
  EXPECT_EQ(with(63, alu64_reg(BPF_MOD, R0, R1, 1)), 0u);
  EXPECT_EQ(with(31, alu32_reg(BPF_DIV, R0, R1, 1)), u64(1) << 31);
  EXPECT_EQ(with(31, alu32_reg(BPF_MOD, R0, R1, 1)), 0u);
}

TEST(JitAlu, SignedAndUnsignedDivisionDiffer) {
  EXPECT_EQ(run({mov64_imm(R0, -13), alu64_imm(BPF_DIV, R0, 4, 1), exit_insn()}), u64(-3));
  EXPECT_EQ(run({mov64_imm(R0, -13), alu64_imm(BPF_MOD, R0, 4, 1), exit_insn()}), u64(-1));
  EXPECT_EQ(run({mov64_imm(R0, -13), alu32_imm(BPF_DIV, R0, 4), exit_insn()}), 0xfffffff3u / 4);
}

TEST(JitAlu, ShiftsAreMasked) {
  EXPECT_EQ(run({mov64_imm(R0, 1), mov64_imm(R1, 65), alu64_reg(BPF_LSH, R0, R1), exit_insn()}), 2u);
  EXPECT_EQ(run({mov64_imm(R0, 1), mov64_imm(R1, 33), alu32_reg(BPF_LSH, R0, R1), exit_insn()}), 2u);
  EXPECT_EQ(run({mov64_imm(R0, -8), mov64_imm(R1, 66), alu64_reg(BPF_ARSH, R0, R1), exit_insn()}), u64(-2));
  EXPECT_EQ(run({mov64_imm(R0, -8), mov64_imm(R1, 34), alu32_reg(BPF_ARSH, R0, R1), exit_insn()}), 0xfffffffeu);
}

TEST(JitAlu, NarrowResultsClearTheUpperHalf) {
  EXPECT_EQ(run({mov64_imm(R0, -1), alu32_imm(BPF_ADD, R0, 1), exit_insn()}), 0u);
  EXPECT_EQ(run({mov64_imm(R0, -1), mov32_reg(R0, R0), exit_insn()}), 0xffffffffu);
  EXPECT_EQ(run({mov64_imm(R0, 5), neg32(R0), exit_insn()}), 0xfffffffbu);
  EXPECT_EQ(run({mov64_imm(R0, 5), neg64(R0), exit_insn()}), u64(-5));
}

TEST(JitAlu, MovesExtendTheSign) {
  EXPECT_EQ(run({mov64_imm(R1, 0x80), movsx64_reg(R0, R1, 8), exit_insn()}), u64(-128));
  EXPECT_EQ(run({mov64_imm(R1, 0x8000), movsx64_reg(R0, R1, 16), exit_insn()}), u64(-32768));
  EXPECT_EQ(run({mov64_imm(R1, -2), mov32_reg(R1, R1), movsx64_reg(R0, R1, 32), exit_insn()}), u64(-2));
  EXPECT_EQ(run({mov64_imm(R1, 0x80), movsx32_reg(R0, R1, 8), exit_insn()}), 0xffffff80u);
}

TEST(JitAlu, ByteOrderHasThreeForms) {
  const auto value = [](Op op) {
    return run(
        {mov64_imm(R0, 0x11223344), alu64_imm(BPF_LSH, R0, 32), alu64_imm(BPF_OR, R0, 0x55667788), op, exit_insn()});
  };
  EXPECT_EQ(value(to_be(R0, 16)), 0x8877u);
  EXPECT_EQ(value(to_be(R0, 32)), 0x88776655u);
  EXPECT_EQ(value(to_be(R0, 64)), 0x8877665544332211u);
  EXPECT_EQ(value(to_le(R0, 16)), 0x7788u);
  EXPECT_EQ(value(to_le(R0, 32)), 0x55667788u);
  EXPECT_EQ(value(bswap(R0, 16)), 0x8877u);
  EXPECT_EQ(value(bswap(R0, 64)), 0x8877665544332211u);
}

struct JumpCase {
  int op;
  s64 a, b;
  bool wide, narrow;
};
class JitJump : public testing::TestWithParam<JumpCase> {};

TEST_P(JitJump, ComparesBothWidths) {
  const JumpCase& c = GetParam();
  const auto taken = [&](u8 cls) {
    return run(lowered({mov64_imm(R1, c.a).insns[0], mov64_imm(R2, c.b).insns[0], mov64_imm(R0, 1).insns[0],
                        make_insn(cls | c.op | BPF_X, R1, R2, 1, 0), mov64_imm(R0, 0).insns[0], exit_insn().insns[0]}));
  };
  EXPECT_EQ(taken(BPF_JMP), c.wide);
  EXPECT_EQ(taken(BPF_JMP32), c.narrow);
}
INSTANTIATE_TEST_SUITE_P(All, JitJump,
                         testing::Values(JumpCase{BPF_JEQ, -1, -1, true, true}, JumpCase{BPF_JNE, -1, 1, true, true},
                                         JumpCase{BPF_JGT, -1, 1, true, true}, JumpCase{BPF_JSGT, -1, 1, false, false},
                                         JumpCase{BPF_JGE, 3, 3, true, true}, JumpCase{BPF_JSGE, -4, 3, false, false},
                                         JumpCase{BPF_JLT, 2, -1, true, true}, JumpCase{BPF_JSLT, 2, -1, false, false},
                                         JumpCase{BPF_JLE, 7, 7, true, true}, JumpCase{BPF_JSLE, -7, 7, true, true},
                                         JumpCase{BPF_JSET, 6, 2, true, true}, JumpCase{BPF_JSET, 6, 8, false, false}));

TEST(JitJump, LongJumpAndMayGotoReachTheirTargets) {
  EXPECT_EQ(run({mov64_imm(R0, 1), make_insn(BPF_JMP32 | BPF_JA, 0, 0, 0, 1), mov64_imm(R0, 2), exit_insn()}), 1u);
  // while (true) { may_goto out; r0++; } ends after the frame's budget of 8 Mi.
  EXPECT_EQ(run({mov64_imm(R0, 0), make_insn(BPF_JMP | BPF_JCOND, 0, 0, 2, 0), add64_imm(R0, 1),
                 make_insn(BPF_JMP | BPF_JA, 0, 0, -3, 0), exit_insn()}),
            8u << 20);
}

TEST(JitMemory, StackKeepsEveryWidthAndSignExtends) {
  EXPECT_EQ(run({mov64_imm(R1, -2), stx(BPF_DW, R10, R1, -8), ldx(BPF_B, R0, R10, -8), exit_insn()}), 0xfeu);
  EXPECT_EQ(run({st(BPF_DW, R10, -8, 0x8081), ldx(BPF_H, R0, R10, -8), exit_insn()}), 0x8081u);
  EXPECT_EQ(run({st(BPF_DW, R10, -8, 0x8081), ldsx(BPF_H, R0, R10, -8), exit_insn()}), u64(s64(-32639)));
  EXPECT_EQ(run({st(BPF_DW, R10, -8, 0x8081), ldsx(BPF_B, R0, R10, -8), exit_insn()}), u64(s64(-127)));
  EXPECT_EQ(run({st(BPF_B, R10, -512, 7), ldx(BPF_B, R0, R10, -512), exit_insn()}), 7u);
}

TEST(JitMemory, PointersSurviveASpillAndArithmetic) {
  EXPECT_EQ(
      run({mov64_reg(R1, R10), add64_imm(R1, -16), st(BPF_W, R1, 4, 99), stx(BPF_DW, R10, R1, -32), mov64_imm(R1, 0),
           ldx(BPF_DW, R2, R10, -32), mov64_imm(R3, 4), add64_reg(R3, R2), ldx(BPF_W, R0, R3, 0), exit_insn()}),
      99u);
}

TEST(JitMemory, RegisterThatIsPointerOnOnePathOnlyStillWorks) {
  u8 bytes[8] = {42};
  // if (r1 == 0) r2 = 5 else r2 = r1;  r0 = r1 ? *(u8 *)r2 : r2
  const auto p =
      lowered(code({mov64_imm(R2, 5), make_insn(BPF_JMP | BPF_JEQ, R1, 0, 1, 0), mov64_reg(R2, R1), mov64_reg(R0, R2),
                    make_insn(BPF_JMP | BPF_JEQ, R1, 0, 1, 0), ldx(BPF_B, R0, R2, 0), exit_insn()}));
  EXPECT_EQ(run(p, bytes), 42u);
  EXPECT_EQ(run(p, nullptr), 5u);
}

u64 run_atomic(int size, s32 op, u64 memory, u64 operand, u64 r0, u64* after = nullptr) {
  u64 cell = 0;
  u64 result = 0;
  for (const Tier tier : kTiers) {
    LoweredProgram p = lowered(code({mov64_imm(R0, s64(r0)), mov64_imm(R2, s64(operand)), atomic(size, op, R1, R2, 0),
                                     op == BPF_CMPXCHG ? mov64_reg(R0, R0) : mov64_reg(R0, R2), exit_insn()}));
    for (LowInsn& low : p.insns) low.mem = MemKind::map_value;
    const auto c = build(p, tier);
    if (!c) return 0;
    cell = memory;
    result = run(*c, &cell);
  }
  if (after) *after = cell;
  return result;
}

TEST(JitAtomic, FetchingFormsGiveTheOldValue) {
  u64 after = 0;
  EXPECT_EQ(run_atomic(BPF_DW, BPF_ADD | kFetch, 5, 3, 0, &after), 5u);
  EXPECT_EQ(after, 8u);
  EXPECT_EQ(run_atomic(BPF_W, BPF_ADD | kFetch, 0xffffffffffffffff, 3, 0, &after), 0xffffffffu);
  EXPECT_EQ(after, 0xffffffff00000002u);
  EXPECT_EQ(run_atomic(BPF_DW, BPF_AND | kFetch, 6, 3, 0, &after), 6u);
  EXPECT_EQ(after, 2u);
  EXPECT_EQ(run_atomic(BPF_DW, BPF_XOR | kFetch, 6, 3, 0, &after), 6u);
  EXPECT_EQ(after, 5u);
  EXPECT_EQ(run_atomic(BPF_DW, BPF_OR | kFetch, 6, 1, 0, &after), 6u);
  EXPECT_EQ(after, 7u);
  EXPECT_EQ(run_atomic(BPF_DW, BPF_XCHG, 6, 1, 0, &after), 6u);
  EXPECT_EQ(after, 1u);
}

TEST(JitAtomic, PlainFormsLeaveTheOperand) {
  u64 after = 0;
  EXPECT_EQ(run_atomic(BPF_DW, BPF_ADD, 5, 3, 0, &after), 3u);
  EXPECT_EQ(after, 8u);
  EXPECT_EQ(run_atomic(BPF_W, BPF_OR, 4, 3, 0, &after), 3u);
  EXPECT_EQ(after, 7u);
}

TEST(JitAtomic, CompareExchangeReportsTheOldValueEitherWay) {
  u64 after = 0;
  EXPECT_EQ(run_atomic(BPF_DW, BPF_CMPXCHG, 5, 9, 5, &after), 5u);
  EXPECT_EQ(after, 9u);
  EXPECT_EQ(run_atomic(BPF_DW, BPF_CMPXCHG, 5, 9, 6, &after), 5u);
  EXPECT_EQ(after, 5u);
  EXPECT_EQ(run_atomic(BPF_W, BPF_CMPXCHG, 0xff00000005, 9, 5, &after), 5u);
  EXPECT_EQ(after, 0xff00000009u);
}

TEST(JitAtomic, AcquireLoadAndReleaseStoreMoveEverySize) {
  for (const int size : {BPF_B, BPF_H, BPF_W, BPF_DW}) {
    const u64 mask = size == BPF_DW ? ~u64(0) : (u64(1) << (insn_access_bytes(u8(size)) * 8)) - 1;
    EXPECT_EQ(run({mov64_imm(R1, -3), st(BPF_DW, R10, -8, 0), atomic(size, BPF_STORE_REL, R10, R1, -8),
                   atomic(size, BPF_LOAD_ACQ, R0, R10, -8), exit_insn()}),
              u64(-3) & mask);
  }
}

TEST(JitCall, SubprogramHasItsOwnStackAndKeepsTheCallersRegisters) {
  LoweredProgram p = lowered(code({mov64_imm(R6, 1), st(BPF_DW, R10, -8, 40), call_sub(4), add64_reg(R0, R6),
                                   ldx(BPF_DW, R1, R10, -8), add64_reg(R0, R1), exit_insn(), mov64_imm(R6, 7),
                                   st(BPF_DW, R10, -8, 500), mov64_imm(R0, 1000), exit_insn()}));
  p.insns[2].op = LowOp::call;
  p.insns[2].target = 1;
  p.subprogs = {{.begin = 0, .end = 7}, {.begin = 7, .end = 11}};
  EXPECT_EQ(run(p), 1000u + 1 + 40);
}

TEST(JitCall, SubprogramWritesThroughACallersPointer) {
  LoweredProgram p =
      lowered(code({mov64_reg(R1, R10), add64_imm(R1, -8), st(BPF_DW, R10, -8, 0), mov64_imm(R2, 77), call_sub(2),
                    ldx(BPF_DW, R0, R10, -8), exit_insn(), stx(BPF_DW, R1, R2, 0), mov64_imm(R0, 0), exit_insn()}));
  p.insns[4].op = LowOp::call;
  p.insns[4].target = 1;
  p.subprogs = {{.begin = 0, .end = 7}, {.begin = 7, .end = 10}};
  EXPECT_EQ(run(p), 77u);
}

TEST(JitCall, HelperSeesItsArgumentsAndEnv) {
  LoweredProgram p = lowered(code({call_helper(BPF_FUNC_get_smp_processor_id), exit_insn()}));
  const auto c = build(p);
  ASSERT_TRUE(c);
  bpf_env env = make_env();
  env.cpu = 5;
  EXPECT_EQ(c->prog()->run(nullptr, &env, c->prog()), 5u);
}

TEST(JitCall, LoadEnvReadsTheEnvironment) {
  LoweredProgram p = lowered(code({ldx(BPF_W, R0, R0, offsetof(bpf_env, cpu)), exit_insn()}));
  p.insns[0].op = LowOp::load_env;
  const auto c = build(p);
  ASSERT_TRUE(c);
  bpf_env env = make_env();
  env.cpu = 9;
  EXPECT_EQ(c->prog()->run(nullptr, &env, c->prog()), 9u);
}

TEST(JitImmediate, SixtyFourBitsTakeOneInstruction) {
  LoweredProgram p = lowered(code({mov64_imm(R0, 0), exit_insn()}));
  p.insns[0].insn.code = BPF_LD | BPF_IMM | BPF_DW;
  p.insns[0].imm64 = 0x123456789abcdef0;
  EXPECT_EQ(run(p), 0x123456789abcdef0u);
}

TEST(JitErrors, UnknownInstructionIsRefusedWithItsPlace) {
  LoweredProgram p = lowered(code({mov64_imm(R0, 0), exit_insn()}));
  p.insns[0].insn.code = BPF_LD | BPF_ABS | BPF_W;
  auto object = compile(p);
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().code(), EOPNOTSUPP);
  EXPECT_NE(object.error().what().find("instruction 0"), std::string::npos) << object.error().what();
}

TEST(JitErrors, JumpOutOfTheSubprogramIsRefused) {
  auto object = compile(lowered({make_insn(BPF_JMP | BPF_JA, 0, 0, 5, 0), exit_insn().insns[0]}));
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().code(), EINVAL);
}

TEST(JitErrors, FallingOffTheEndIsRefusedOrTraps) {
  auto object = compile(lowered({mov64_imm(R0, 0).insns[0], make_insn(BPF_JMP | BPF_JEQ, R0, 0, -1, 0)}));
  ASSERT_FALSE(object);
}

}  // namespace
}  // namespace bpf::jit
