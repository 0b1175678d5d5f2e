// SPDX-License-Identifier: Apache-2.0
// XDP programs over packets: single and burst entry points must agree.
#include <cstddef>
#include <cstring>

#include "bpf/runtime/burst.h"
#include "tests/unit/jit/harness.h"

namespace bpf::jit {
namespace {
using namespace support;

constexpr int kPackets = 21;

struct Packets {
  u8 bytes[kPackets][128] = {};
  xdp_buff contexts[kPackets] = {};
  static u32 length(u32 i) { return i % 5 == 0 ? 10 : 64; }
  Packets() {
    for (int i = 0; i < kPackets; ++i) {
      for (int b = 0; b < 128; ++b) bytes[i][b] = u8(i * 7 + b);
      contexts[i].data = bytes[i];
      contexts[i].data_end = bytes[i] + length(i);
      contexts[i].data_meta = bytes[i];
      contexts[i].data_hard_start = bytes[i];
      contexts[i].frame_sz = 128;
    }
  }
};

// if (data + 14 > data_end) return 1; swap bytes 0 and 6; return 2 + (data[12] & 1)
LoweredProgram make_swap() {
  LoweredProgram p =
      lowered(code({ldx(BPF_DW, R2, R1, offsetof(xdp_buff, data)), ldx(BPF_DW, R3, R1, offsetof(xdp_buff, data_end)),
                    mov64_reg(R4, R2), add64_imm(R4, 14), mov64_imm(R0, 1), jmp_reg(BPF_JGT, R4, R3, 7),
                    ldx(BPF_B, R5, R2, 0), ldx(BPF_B, R6, R2, 6), stx(BPF_B, R2, R6, 0), stx(BPF_B, R2, R5, 6),
                    ldx(BPF_B, R0, R2, 12), alu64_imm(BPF_AND, R0, 1), add64_imm(R0, 2), exit_insn()}));
  p.insns[0].mem = p.insns[1].mem = MemKind::host;
  for (int i = 6; i <= 10; ++i) p.insns[size_t(i)].mem = MemKind::packet;
  return p;
}

TEST(JitPacket, BurstComputesWhatSinglesCompute) {
  for (const Tier tier : kTiers) {
    const auto c = build(make_swap(), tier);
    ASSERT_TRUE(c);
    ASSERT_NE(c->prog()->burst, nullptr);
    for (const u32 count : {1u, 2u, 3u, 4u, 5u, 21u}) {
      Packets one_by_one, together;
      bpf_env env = make_env();
      Burst b(count);
      b.verdicts[count] = 0xdeadbeef;
      for (u32 i = 0; i < count; ++i) b.set_packet(i, together.bytes[i], 128, 0, together.length(i));
      c->prog()->burst(&b.burst, &env, c->prog());
      u32 differ = 0;
      for (u32 i = 0; i < count; ++i) {
        EXPECT_EQ(b.verdicts[i], u32(run(*c, &one_by_one.contexts[i]))) << i;
        differ |= b.verdicts[i] ^ b.verdicts[0];
      }
      EXPECT_EQ(std::memcmp(one_by_one.bytes, together.bytes, sizeof together.bytes), 0);
      EXPECT_EQ(b.verdicts[count], 0xdeadbeef);
      EXPECT_EQ(b.burst.borders_moved, tier == Tier::quick ? 1u : 0u);  // quick code's loop is ready for anything
      if (count != 0) {
        EXPECT_EQ(b.burst.verdicts_differ != 0, differ != 0);
      }
    }
  }
}

TEST(JitPacket, TooShortPacketIsLeftAlone) {
  Packets packets;
  const auto c = build(make_swap());
  ASSERT_TRUE(c);
  EXPECT_EQ(run(*c, &packets.contexts[0]), 1u);
  EXPECT_EQ(packets.bytes[0][0], 0);
}

// return bpf_redirect(r1 = bytes of the packet, 0)
LoweredProgram make_redirect() {
  LoweredProgram p =
      lowered(code({ldx(BPF_DW, R2, R1, offsetof(xdp_buff, data)), ldx(BPF_DW, R1, R1, offsetof(xdp_buff, data_end)),
                    alu64_reg(BPF_SUB, R1, R2), mov64_imm(R2, 0), call_helper(BPF_FUNC_redirect), exit_insn()}));
  p.insns[0].mem = p.insns[1].mem = MemKind::host;
  p.uses_redirect = true;
  return p;
}

TEST(JitPacket, BurstStoresTheRedirectOfEachPacketAndSaysWhetherTheyDiffer) {
  for (const Tier tier : kTiers) {
    const auto c = build(make_redirect(), tier);
    ASSERT_TRUE(c);
    for (const u32 step : {0u, 1u}) {
      u8 bytes[64] = {};
      Burst b(kPackets);
      for (u32 i = 0; i < kPackets; ++i) b.set_packet(i, bytes, sizeof bytes, 0, 20 + i * step);
      bpf_env env = make_env();
      c->prog()->burst(&b.burst, &env, c->prog());
      for (u32 i = 0; i < kPackets; ++i) {
        EXPECT_EQ(b.verdicts[i], 4u);
        EXPECT_EQ(b.redirects[i].kind, u32(BPF_REDIRECT_IFINDEX));
        EXPECT_EQ(b.redirects[i].target, 20 + i * step);
      }
      EXPECT_EQ(b.burst.verdicts_differ, 0u);
      EXPECT_EQ(b.burst.redirects_differ != 0, step != 0);
    }
  }
}

// A program that redirects works on a copy of the environment; whom to wake must not get lost with it.
TEST(JitPacket, WhoIsToBeWokenOutlivesTheBurst) {
  const bpf_run_fn wakes = [](void*, bpf_env* env, const bpf_prog*) {
    bpf_env_wake(env, 1000);
    return u64{XDP_REDIRECT};
  };
  for (const int may : {0, int{XDP_BURST_REDIRECTS}}) {
    Burst b(kPackets);
    bpf_env env = make_env();
    xdp_burst(&b.burst, &env, nullptr, wakes, may);
    EXPECT_EQ(env.wake_count, 1u);
    EXPECT_EQ(env.wake_fds[0], 1000);
  }
}

}  // namespace
}  // namespace bpf::jit
