// SPDX-License-Identifier: Apache-2.0
#include "bpf/lower/lower.h"

#include <gtest/gtest.h>

#include "bpf/abi/context.h"
#include "bpf/abi/func_id.h"
#include "bpf/abi/host/sk_buff.h"
#include "bpf/abi/host/xdp_buff.h"
#include "tests/support/insn.h"

namespace bpf::lower {
namespace {
using namespace support;

struct Case {
  ProgSource source;
  VerifiedProgram verified;

  explicit Case(std::vector<bpf_insn> insns) {
    source.type = BPF_PROG_TYPE_XDP;
    source.insns = std::move(insns);
    verified.facts.assign(source.insns.size(), {.reached = true});
    verified.subprogs = {{.begin = 0, .end = u32(source.insns.size())}};
  }
  InsnFact& fact(u32 at) { return verified.facts[at]; }
  base::Result<LoweredProgram> run() const { return lower(source, verified); }
};

void mark_ctx(InsnFact& fact, s32 offset) {
  fact.mem = MemKind::ctx;
  fact.ctx_offset = offset;
}

TEST(Lower, ImmediateTakesOneSlotAndJumpsOverItShrink) {
  const Case c(
      code({jmp_imm(BPF_JEQ, R1, 0, 3), ld_imm64(R0, 0x1122334455667788), ja(-4), mov64_imm(R0, 0), exit_insn()}));
  const auto low = c.run();
  ASSERT_TRUE(low.ok()) << low.error().what();
  ASSERT_EQ(low->insns.size(), 5u);
  EXPECT_EQ(low->insns[0].insn.off, 2);
  EXPECT_EQ(low->insns[1].imm64, 0x1122334455667788u);
  EXPECT_EQ(low->insns[2].insn.off, -3);
  EXPECT_EQ(low->insns[3].origin, 4u);
  EXPECT_EQ(low->subprogs[0].end, 5u);
}

TEST(Lower, FarJumpCountsLoweredInstructions) {
  const Case c(code({gotol(2), ld_imm64(R0, 1), mov64_imm(R0, 0), exit_insn()}));
  const auto low = c.run();
  ASSERT_TRUE(low.ok());
  EXPECT_EQ(low->insns[0].insn.imm, 1);
}

TEST(Lower, PacketPointerIsLoadedWholeFromTheHostStruct) {
  Case c(code({ldx(BPF_W, R2, R1, offsetof(xdp_md, data_end)), exit_insn()}));
  mark_ctx(c.fact(0), offsetof(xdp_md, data_end));
  const auto low = c.run();
  ASSERT_TRUE(low.ok());
  EXPECT_EQ(low->insns[0].insn, ldx(BPF_DW, R2, R1, offsetof(xdp_buff, data_end)).insns[0]);
  EXPECT_EQ(low->insns[0].mem, MemKind::host);
}

TEST(Lower, RegisterAtADistanceFromTheContextIsTakenIntoAccount) {
  Case c(code({ldx(BPF_W, R2, R1, 4), exit_insn()}));
  mark_ctx(c.fact(0), offsetof(xdp_md, rx_queue_index));  // r1 = ctx + 12
  const auto low = c.run();
  ASSERT_TRUE(low.ok());
  EXPECT_EQ(low->insns[0].insn.off, s32(offsetof(xdp_buff, rx_queue_index)) - 12);
}

TEST(Lower, NarrowLoadReadsItsByteOfTheHostField) {
  Case c(code({ldx(BPF_B, R2, R1, 0), exit_insn()}));
  const u32 at = offsetof(xdp_md, ingress_ifindex) + 1;
  c.source.insns[0].off = s16(at);
  mark_ctx(c.fact(0), s32(at));
  const auto low = c.run();
  ASSERT_TRUE(low.ok());
  EXPECT_EQ(low->insns[0].insn, ldx(BPF_B, R2, R1, offsetof(xdp_buff, ingress_ifindex) + 1).insns[0]);
}

TEST(Lower, StoreToAReadOnlyFieldIsRefused) {
  Case c(code({stx(BPF_W, R1, R2, offsetof(xdp_md, rx_queue_index)), exit_insn()}));
  mark_ctx(c.fact(0), offsetof(xdp_md, rx_queue_index));
  const auto low = c.run();
  ASSERT_FALSE(low.ok());
  EXPECT_EQ(low.error().code(), EINVAL);
  EXPECT_NE(low.error().what().find("rx_queue_index"), std::string::npos) << low.error().what();
}

TEST(Lower, UnreachedInstructionIsDeadAndNeedsNoFacts) {
  Case c(code({ja(1), call_helper(9999), exit_insn()}));
  c.fact(1).reached = false;
  const auto low = c.run();
  ASSERT_TRUE(low.ok());
  EXPECT_TRUE(low->insns[1].dead);
  EXPECT_FALSE(low->insns[2].dead);
}

TEST(Lower, MapReferencesKeepTheirIndexAndOffset) {
  Case c(code({ld_map(R1, 1), ld_map_value(R2, 0, 24), exit_insn()}));
  c.source.maps.resize(2);
  const auto low = c.run();
  ASSERT_TRUE(low.ok());
  EXPECT_EQ(low->insns[0].op, LowOp::load_map);
  EXPECT_EQ(low->insns[0].map_index, 1);
  EXPECT_EQ(low->insns[1].op, LowOp::load_map_value);
  EXPECT_EQ(low->insns[1].map_index, 0);
  EXPECT_EQ(low->insns[1].insn.imm, 24);
}

TEST(Lower, MapIndexWithoutAMapIsRefused) {
  const Case c(code({ld_map(R1, 0), exit_insn()}));
  EXPECT_EQ(c.run().error().code(), EINVAL);
}

TEST(Lower, CallsGetTheirKindTargetAndMap) {
  Case c(code({call_sub(4), call_helper(BPF_FUNC_map_lookup_elem), call_helper(BPF_FUNC_tail_call),
               call_helper(BPF_FUNC_get_prandom_u32), exit_insn(), mov64_imm(R0, 0), exit_insn()}));
  c.verified.subprogs = {{.begin = 0, .end = 5}, {.begin = 5, .end = 7}};
  c.fact(1).map_index = 3;
  const auto low = c.run();
  ASSERT_TRUE(low.ok()) << low.error().what();
  EXPECT_EQ(low->insns[0].op, LowOp::call);
  EXPECT_EQ(low->insns[0].target, 1u);
  EXPECT_EQ(low->insns[1].op, LowOp::helper);
  EXPECT_EQ(low->insns[1].map_index, 3);
  EXPECT_EQ(low->insns[2].op, LowOp::tail_call);
  EXPECT_TRUE(low->moves_packet);
  EXPECT_TRUE(low->uses_redirect) << "the program behind a tail call may redirect";
}

TEST(Lower, OnlyAReachedRedirectCounts) {
  Case c(code({mov64_imm(R0, 2), exit_insn(), call_helper(BPF_FUNC_redirect), exit_insn()}));
  c.fact(2).reached = false;
  EXPECT_FALSE(c.run()->uses_redirect);
  c.fact(2).reached = true;
  EXPECT_TRUE(c.run()->uses_redirect);
}

TEST(Lower, HelpersThatMoveThePacketAreNoted) {
  for (const u32 id : {BPF_FUNC_xdp_adjust_head, BPF_FUNC_xdp_adjust_meta, BPF_FUNC_xdp_adjust_tail})
    EXPECT_TRUE(Case(code({call_helper(id), exit_insn()})).run()->moves_packet) << id;
  for (const u32 id : {BPF_FUNC_map_lookup_elem, BPF_FUNC_redirect, BPF_FUNC_xdp_load_bytes})
    EXPECT_FALSE(Case(code({call_helper(id), exit_insn()})).run()->moves_packet) << id;
}

Case skb_case(std::vector<bpf_insn> insns, bpf_prog_type type = BPF_PROG_TYPE_SCHED_CLS) {
  Case c(std::move(insns));
  c.source.type = type;
  return c;
}

TEST(Lower, QueueMappingIsStoredBehindAJumpOverValuesThatMeanNone) {
  Case c = skb_case(code({jmp_imm(BPF_JEQ, R1, 0, 1), stx(BPF_W, R1, R2, offsetof(__sk_buff, queue_mapping)),
                          stx(BPF_W, R1, R2, offsetof(__sk_buff, mark)), exit_insn()}));
  mark_ctx(c.fact(1), offsetof(__sk_buff, queue_mapping));
  mark_ctx(c.fact(2), offsetof(__sk_buff, mark));
  const auto low = c.run();
  ASSERT_TRUE(low.ok()) << low.error().what();
  ASSERT_EQ(low->insns.size(), 5u);
  EXPECT_EQ(low->insns[0].insn.off, 2);  // the jump reaches behind both
  EXPECT_EQ(low->insns[1].insn, jmp_imm(BPF_JGE, R2, 0xffff, 1).insns[0]);
  EXPECT_EQ(low->insns[2].insn, stx(BPF_H, R1, R2, offsetof(sk_buff, queue_mapping)).insns[0]);
  EXPECT_EQ(low->insns[2].origin, 1u);
  EXPECT_EQ(low->insns[3].insn, stx(BPF_W, R1, R2, offsetof(sk_buff, mark)).insns[0]);
}

TEST(Lower, FieldBehindAPointerTakesTwoLoads) {
  Case c = skb_case(code({ldx(BPF_H, R1, R1, 0), exit_insn()}), BPF_PROG_TYPE_CGROUP_SKB);
  mark_ctx(c.fact(0), offsetof(__sk_buff, remote_port) + 2);  // r1 stands there
  const auto low = c.run();
  ASSERT_TRUE(low.ok()) << low.error().what();
  ASSERT_EQ(low->insns.size(), 3u);
  const s32 distance = offsetof(__sk_buff, remote_port) + 2;
  EXPECT_EQ(low->insns[0].insn, ldx(BPF_DW, R1, R1, s32(offsetof(sk_buff, sk)) - distance).insns[0]);
  EXPECT_EQ(low->insns[1].insn, ldx(BPF_H, R1, R1, offsetof(sock, remote_port) + 2).insns[0]);
}

TEST(Lower, LegacyLoadEndsTheProgramWhereThePacketEnds) {
  bpf_insn load{.code = BPF_LD | BPF_IND | BPF_H, .dst_reg = 0, .src_reg = R1, .off = 0, .imm = 12};
  const Case c = skb_case({load, exit_insn().insns[0]});
  const auto low = c.run();
  ASSERT_TRUE(low.ok()) << low.error().what();
  ASSERT_EQ(low->insns.size(), 9u);
  EXPECT_EQ(low->insns[0].insn.src_reg, R1) << "the offset is read before r1 changes";
  EXPECT_EQ(low->insns[4].op, LowOp::packet_load);
  EXPECT_EQ(low->insns[5].insn, jmp_imm(BPF_JSGE, R0, 0, 2).insns[0]);
  EXPECT_EQ(low->insns[7].insn.code, BPF_JMP | BPF_EXIT);
}

TEST(Lower, JumpThatDoesNotReachAnyMoreIsRefused) {
  constexpr std::size_t kLoads = 5000;  // of 7 instructions each
  std::vector<bpf_insn> insns(kLoads,
                              {.code = BPF_LD | BPF_ABS | BPF_B, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0});
  insns.insert(insns.begin(), jmp_imm(BPF_JEQ, R1, 0, kLoads).insns[0]);
  insns.push_back(exit_insn().insns[0]);
  const auto low = skb_case(std::move(insns)).run();
  ASSERT_FALSE(low.ok());
  EXPECT_NE(low.error().what().find("does not reach"), std::string::npos) << low.error().what();
}

TEST(Lower, FactsOfAnotherProgramAreRefused) {
  Case c(code({mov64_imm(R0, 2), exit_insn()}));
  c.verified.facts.pop_back();
  EXPECT_EQ(c.run().error().code(), EINVAL);
}

TEST(Lower, ImmediateCutOffAtTheEndIsRefused) {
  Case c({code({ld_imm64(R0, 1)})[0]});
  EXPECT_EQ(c.run().error().code(), EINVAL);
}

}  // namespace
}  // namespace bpf::lower
