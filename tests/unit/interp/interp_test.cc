// SPDX-License-Identifier: Apache-2.0
#include "bpf/interp/interp.h"

#include <gtest/gtest.h>

#include <initializer_list>

#include "bpf/abi/func_id.h"
#include "bpf/abi/host/xdp_buff.h"
#include "bpf/interp/alu.h"
#include "bpf/runtime/default_host.h"
#include "bpf/runtime/runtime.h"
#include "tests/support/burst.h"
#include "tests/support/insn.h"

namespace bpf::interp {
namespace {
using namespace support;

LoweredProgram program(std::vector<bpf_insn> insns) {
  LoweredProgram p{.type = BPF_PROG_TYPE_XDP};
  for (u32 at = 0; at < insns.size(); ++at) {
    LowInsn low{.insn = insns[at], .origin = at};
    if (insn_is_ld_imm64(insns[at])) ADD_FAILURE() << "give 64-bit immediates by hand";
    if (insns[at].code == (BPF_JMP | BPF_CALL)) low.op = LowOp::helper;
    p.insns.push_back(low);
  }
  p.subprogs = {{.begin = 0, .end = u32(insns.size())}};
  return p;
}

bpf_env make_env() {
  bpf_env env;
  runtime::init_env(env, 0, runtime::default_host());
  return env;
}

u64 run(const LoweredProgram& p, void* ctx = nullptr) {
  const auto image = make_image(p, {});
  bpf_env env = make_env();
  return image->prog()->run(ctx, &env, image->prog());
}
u64 run(std::initializer_list<Op> ops) {
  return run(program(code(ops)));
}

TEST(Interp, DivisionByZeroGivesZeroAndModuloLeavesTheDividend) {
  EXPECT_EQ(divide<u64>(7, 0, 0), 0u);
  EXPECT_EQ(divide<u32>(7, 0, 1), 0u);
  EXPECT_EQ(modulo<u64>(7, 0, 0), 7u);
  EXPECT_EQ(modulo<u32>(7, 0, 1), 7u);
}

TEST(Interp, SmallestNumberDividedByMinusOneWraps) {
  EXPECT_EQ(divide<u64>(u64(1) << 63, ~u64(0), 1), u64(1) << 63);
  EXPECT_EQ(modulo<u64>(u64(1) << 63, ~u64(0), 1), 0u);
  EXPECT_EQ(divide<u32>(u32(1) << 31, ~u32(0), 1), u32(1) << 31);
}

TEST(Interp, NarrowArithmeticClearsTheUpperHalf) {
  EXPECT_EQ(run({mov64_imm(R0, -1), alu32_imm(BPF_ADD, R0, 1), exit_insn()}), 0u);
  EXPECT_EQ(run({mov64_imm(R0, -1), mov32_reg(R0, R0), exit_insn()}), 0xffffffffu);
}

TEST(Interp, AcquireLoadAndReleaseStoreMoveEverySize) {
  for (const int size : {BPF_B, BPF_H, BPF_W, BPF_DW}) {
    const u64 mask = size == BPF_DW ? ~u64(0) : (u64(1) << (insn_access_bytes(u8(size)) * 8)) - 1;
    EXPECT_EQ(run({mov64_imm(R1, -3), st(BPF_DW, R10, -8, 0), atomic(size, BPF_STORE_REL, R10, R1, -8),
                   atomic(size, BPF_LOAD_ACQ, R0, R10, -8), exit_insn()}),
              u64(-3) & mask);
  }
}

TEST(Interp, CompareExchangeReportsTheOldValueEitherWay) {
  EXPECT_EQ(run({st(BPF_DW, R10, -8, 5), mov64_imm(R0, 5), mov64_imm(R1, 9), atomic(BPF_DW, BPF_CMPXCHG, R10, R1, -8),
                 ldx(BPF_DW, R2, R10, -8), alu64_imm(BPF_MUL, R2, 100), add64_reg(R0, R2), exit_insn()}),
            905u);
  EXPECT_EQ(run({st(BPF_DW, R10, -8, 5), mov64_imm(R0, 6), mov64_imm(R1, 9), atomic(BPF_DW, BPF_CMPXCHG, R10, R1, -8),
                 ldx(BPF_DW, R2, R10, -8), alu64_imm(BPF_MUL, R2, 100), add64_reg(R0, R2), exit_insn()}),
            505u);
}

TEST(Interp, SubprogramHasItsOwnStackAndKeepsTheCallersRegisters) {
  LoweredProgram p = program(code({mov64_imm(R6, 1), st(BPF_DW, R10, -8, 40), call_sub(4), add64_reg(R0, R6),
                                   ldx(BPF_DW, R1, R10, -8), add64_reg(R0, R1), exit_insn(), mov64_imm(R6, 7),
                                   st(BPF_DW, R10, -8, 500), mov64_imm(R0, 1000), exit_insn()}));
  p.insns[2].op = LowOp::call;
  p.insns[2].target = 1;
  p.subprogs = {{.begin = 0, .end = 7}, {.begin = 7, .end = 11}};
  EXPECT_EQ(run(p), 1000u + 1 + 40);
}

TEST(Interp, LoopWithoutEndLeavesThroughMayGoto) {
  EXPECT_EQ(run({mov64_imm(R0, 0), add64_imm(R0, 1), may_goto(1), ja(-3), exit_insn()}), (8u << 20) + 1);
}

// A program array without the maps library: slots alone matter to a tail call.
struct TailCalls : testing::Test {
  const bpf_prog* slots[3] = {};
  bpf_prog_array array{{{4, 4, 3, 0}, BPF_MAP_TYPE_PROG_ARRAY, 1, 0, nullptr, "progs"}, slots};
  bpf_map* maps[1] = {&array.map};

  std::unique_ptr<Image> image(std::initializer_list<Op> ops, u32 call_at) {
    LoweredProgram p = program(code(ops));
    p.insns[call_at].op = LowOp::tail_call;
    p.insns[call_at - 2].op = LowOp::load_map;
    p.insns[call_at - 2].map_index = 0;
    return make_image(p, maps);
  }
};

TEST_F(TailCalls, ThirtyThreeFollowOneAnotherAndNoMore) {
  u64 runs = 0;
  const auto self = image({ldx(BPF_DW, R2, R1, 0), add64_imm(R2, 1), stx(BPF_DW, R1, R2, 0), mov64_imm(R2, 0),
                           mov64_imm(R3, 1), call_helper(BPF_FUNC_tail_call), mov64_imm(R0, 77), exit_insn()},
                          5);
  slots[1] = self->prog();
  bpf_env env = make_env();
  EXPECT_EQ(self->prog()->run(&runs, &env, self->prog()), 77u);
  EXPECT_EQ(runs, 34u);
}

TEST_F(TailCalls, EmptySlotAndIndexOutsideGoOnBehindTheCallAndSpendNothing) {
  for (const int index : {2, 3, -1}) {
    const auto caller = image(
        {mov64_imm(R2, 0), mov64_imm(R3, index), call_helper(BPF_FUNC_tail_call), mov64_imm(R0, 5), exit_insn()}, 2);
    bpf_env env = make_env();
    EXPECT_EQ(caller->prog()->run(nullptr, &env, caller->prog()), 5u) << index;
    EXPECT_EQ(env.tail_calls, 33u);
  }
}

TEST(Interp, BurstGivesEachContextItsVerdictAndRedirect) {
  // Queue 0 redirects to the port of entry + 1, every other queue passes.
  const LoweredProgram p =
      program(code({ldx(BPF_W, R2, R1, offsetof(xdp_buff, rx_queue_index)), jmp_imm(BPF_JNE, R2, 0, 5),
                    ldx(BPF_W, R1, R1, offsetof(xdp_buff, ingress_ifindex)), add64_imm(R1, 1), mov64_imm(R2, 0),
                    call_helper(BPF_FUNC_redirect), exit_insn(), mov64_imm(R0, 2), exit_insn()}));
  const auto image = make_image(p, {});
  bpf_env env = make_env();
  for (u32 queue = 0; queue < 2; ++queue) {
    support::Burst burst(5);
    burst.burst.rx_queue_index = queue;
    burst.burst.ingress_ifindex = 10;
    image->prog()->burst(&burst.burst, &env, image->prog());
    for (u32 i = 0; i < 5; ++i) {
      EXPECT_EQ(burst.verdicts[i], queue ? 2u : 4u);
      if (queue == 0) {
        EXPECT_EQ(burst.redirects[i].target, 11u);
      }
    }
    EXPECT_EQ(burst.burst.verdicts_differ, 0u);
  }
}

TEST(InterpDeathTest, DeadInstructionSaysWhichAndAborts) {
  LoweredProgram p = program(code({ja(0), mov64_imm(R0, 1), exit_insn()}));
  p.insns[1].dead = true;
  EXPECT_DEATH(run(p), "instruction 1");
}

}  // namespace
}  // namespace bpf::interp
