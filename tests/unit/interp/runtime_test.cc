// SPDX-License-Identifier: Apache-2.0
// Helper bodies whose effects the host kernel does not show to test_run: printed text, random numbers, frames' limits.
#include "bpf/runtime/runtime.h"

#include <gtest/gtest.h>

#include "bpf/runtime/default_host.h"
#include "bpf/runtime/native.h"
#include "bpf/runtime/xdp_frame.h"

namespace bpf::runtime {
namespace {

using base::s64;
using base::u32;
using base::u64;

struct Helpers : testing::Test {
  TraceSink sink;
  bpf_env env;
  Helpers() { init_env(env, 0, default_host(), &sink); }

  template <std::size_t N>
  s64 print(const char (&format)[N], u64 a = 0, u64 b = 0, u64 c = 0) {
    sink.text.clear();
    return s64(bpf_trace_printk(&env, reinterpret_cast<u64>(format), N, a, b, c));
  }
};

TEST_F(Helpers, PrintedLinesEndWithOneNewline) {
  EXPECT_EQ(print("one %d", u64(-1)), 6);
  EXPECT_EQ(sink.text, "one -1\n");
  EXPECT_EQ(print("two\n"), 4);
  EXPECT_EQ(sink.text, "two\n");
}

TEST_F(Helpers, NumbersPrintInTheWidthTheirConversionNames) {
  print("%d %ld %x", ~u64(0), ~u64(0), 0x123456789abcdef0);
  EXPECT_EQ(sink.text, "-1 -1 9abcdef0\n");
  print("[%5u|%-4d|%04x]", 42, 7, 255);
  EXPECT_EQ(sink.text, "[   42|7   |00ff]\n");
}

TEST_F(Helpers, StringsAndAddressesAreReadFromTheProgramsMemory) {
  const char name[] = "lan0";
  const base::u8 v4[] = {192, 0, 2, 1};
  const base::u8 v6[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  print("%s %pI4 %pI6", reinterpret_cast<u64>(name), reinterpret_cast<u64>(v4), reinterpret_cast<u64>(v6));
  EXPECT_EQ(sink.text, "lan0 192.0.2.1 2001:0db8:0000:0000:0000:0000:0000:0001\n");
}

TEST_F(Helpers, SymbolFormsPrintTheAddressAndAPlainPointerDoesNot) {
  print("%ps %px", 0x1234, 0x1234);
  EXPECT_EQ(sink.text, "0x1234 0000000000001234\n");
  EXPECT_EQ(print("%p", 0x1234), 16);
  EXPECT_EQ(sink.text.find("1234"), std::string::npos);
}

TEST_F(Helpers, BadPointerPrintsNothingAndFaultsNowhere) {
  EXPECT_GE(print("[%s]", 0x10), 2);
  EXPECT_EQ(sink.text, "[]\n");
}

TEST_F(Helpers, FormatWithoutItsZeroIsRefusedAndPrintsNothing) {
  const char format[] = {'a', 'b'};
  EXPECT_EQ(s64(bpf_trace_printk(&env, reinterpret_cast<u64>(format), 2, 0, 0, 0)), -EINVAL);
  EXPECT_EQ(sink.text, "");
}

TEST_F(Helpers, TraceSinkStopsAtItsBound) {
  sink.bytes_max = 10;
  sink.text.clear();
  for (int i = 0; i < 5; ++i) {
    const char format[] = "1234\n";
    bpf_trace_printk(&env, reinterpret_cast<u64>(format), sizeof format, 0, 0, 0);
  }
  EXPECT_EQ(sink.text, "1234\n1234\n");
}

TEST_F(Helpers, RandomNumbersOfTwoEnvironmentsDiffer) {
  bpf_env other;
  init_env(other, 0, default_host());
  int same = 0;
  for (int i = 0; i < 16; ++i)
    same += bpf_get_prandom_u32(&env, 0, 0, 0, 0, 0) == bpf_get_prandom_u32(&other, 0, 0, 0, 0, 0);
  EXPECT_LT(same, 4);
}

TEST_F(Helpers, PacketGrowsIntoTheWholeFrameAndNoFurther) {
  XdpFrame frame;
  const std::vector<std::byte> packet(64);
  frame.fill(packet);
  xdp_buff& b = frame.buff();
  const u64 ctx = reinterpret_cast<u64>(&b);
  EXPECT_EQ(s64(bpf_xdp_adjust_head(&env, ctx, u64(-216), 0, 0, 0)), 0);
  EXPECT_EQ(b.data, b.data_hard_start);
  EXPECT_EQ(s64(bpf_xdp_adjust_head(&env, ctx, u64(-1), 0, 0, 0)), -EINVAL);
  EXPECT_EQ(s64(bpf_xdp_adjust_tail(&env, ctx, 3456, 0, 0, 0)), 0);
  EXPECT_EQ(static_cast<char*>(b.data_end), static_cast<char*>(b.data_hard_start) + b.frame_sz);
  EXPECT_EQ(s64(bpf_xdp_adjust_tail(&env, ctx, 1, 0, 0, 0)), -EINVAL);
}

TEST_F(Helpers, GrownTailIsZero) {
  XdpFrame frame;
  const std::vector<std::byte> packet(200, std::byte{0xff});
  frame.fill(packet);
  const u64 ctx = reinterpret_cast<u64>(&frame.buff());
  ASSERT_EQ(bpf_xdp_adjust_tail(&env, ctx, u64(-100), 0, 0, 0), 0u);
  ASSERT_EQ(bpf_xdp_adjust_tail(&env, ctx, 100, 0, 0, 0), 0u);
  const base::ConstBytes out = XdpFrame::output(frame.buff());
  ASSERT_EQ(out.size(), 200u);
  EXPECT_EQ(out[99], std::byte{0xff});
  for (std::size_t i = 100; i < 200; ++i) EXPECT_EQ(out[i], std::byte{0});
}

TEST(Native, EveryWorkingRowHasABodyUnderItsNumberAndItsName) {
  int rows = 0;
  for (u32 id = 0; id < __BPF_FUNC_MAX_ID; ++id) {
    const HelperProto& proto = get_helper(id);
    EXPECT_EQ(native_helper(id, BPF_PROG_TYPE_UNSPEC) != nullptr, proto.runnable) << proto.name;
    if (!proto.runnable) continue;
    ++rows;
    EXPECT_EQ(native_symbol("bpf_" + std::string(proto.name)),
              reinterpret_cast<const void*>(native_helper(id, BPF_PROG_TYPE_UNSPEC)));
  }
  EXPECT_GT(rows, 20);
  EXPECT_EQ(native_symbol("bpf_nothing"), nullptr);
  EXPECT_EQ(native_symbol("memcpy"), nullptr);
  EXPECT_EQ(native_helper(~0U, BPF_PROG_TYPE_XDP), nullptr);
}

}  // namespace
}  // namespace bpf::runtime
