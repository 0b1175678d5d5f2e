// SPDX-License-Identifier: Apache-2.0
// Tier::checked traps where a fact that the optimised code would rest on does not hold, and nowhere else.
#include <csignal>

#include "tests/unit/jit/harness.h"

namespace bpf::jit {
namespace {
using namespace support;

struct Packet {
  alignas(16) std::array<u8, 256> bytes{};
  xdp_buff buff{};
  Packet() {
    buff.data_hard_start = bytes.data();
    buff.data = buff.data_meta = bytes.data() + 64;
    buff.data_end = bytes.data() + 192;
    buff.frame_sz = u32(bytes.size());
  }
};

// r0 = a load from r2, which is: the packet, the stack or the context; the load says that it is `claimed`.
enum class Place { packet, stack, context };
LoweredProgram load_from(Place place, MemKind claimed) {
  LoweredProgram p = lowered(code(
      {ldx(BPF_DW, R2, R1, offsetof(xdp_buff, data)), st(BPF_DW, R10, -8, 7), ldx(BPF_DW, R0, R2, 0), exit_insn()}));
  p.insns[0].mem = MemKind::host;
  p.insns[1].mem = MemKind::stack;
  p.insns[2].mem = claimed;
  if (place == Place::stack) {
    p.insns[2].insn.src_reg = R10;
    p.insns[2].insn.off = -8;
  }
  if (place == Place::context) p.insns[2].insn.src_reg = R1;
  return p;
}

u64 run_checked(const LoweredProgram& program) {
  Packet packet;
  const auto code = build(program, Tier::checked);
  return code ? run(*code, &packet.buff) : 0;
}

struct Claim {
  Place place;
  MemKind claimed;
  bool holds;
};
class CheckedClaims : public testing::TestWithParam<Claim> {};

TEST_P(CheckedClaims, TrapExactlyWhereTheyDoNotHold) {
  const LoweredProgram program = load_from(GetParam().place, GetParam().claimed);
  if (GetParam().holds)
    run_checked(program);
  else
    EXPECT_EXIT(run_checked(program), testing::KilledBySignal(SIGILL), "");
}
INSTANTIATE_TEST_SUITE_P(
    All, CheckedClaims,
    testing::Values(Claim{Place::packet, MemKind::packet, true}, Claim{Place::packet, MemKind::none, true},
                    Claim{Place::packet, MemKind::stack, false}, Claim{Place::packet, MemKind::map_value, false},
                    Claim{Place::packet, MemKind::host, false}, Claim{Place::stack, MemKind::stack, true},
                    Claim{Place::stack, MemKind::packet, false}, Claim{Place::stack, MemKind::map_value, false},
                    Claim{Place::context, MemKind::host, true}, Claim{Place::context, MemKind::packet, false},
                    Claim{Place::context, MemKind::map_value, false}));

TEST(Checked, AnAtomicOnAnUnalignedAddressTraps) {
  const auto add_at = [](s16 offset) {
    LoweredProgram p = lowered(code({mov64_imm(R0, 1), st(BPF_DW, R10, -8, 7), st(BPF_DW, R10, -16, 7),
                                     atomic(BPF_DW, BPF_ADD, R10, R0, offset), exit_insn()}));
    for (u32 i = 1; i <= 3; ++i) p.insns[i].mem = MemKind::stack;
    return p;
  };
  EXPECT_EQ(run_checked(add_at(-8)), 1u);
  EXPECT_EXIT(run_checked(add_at(-12)), testing::KilledBySignal(SIGILL), "");
}

}  // namespace
}  // namespace bpf::jit
