// SPDX-License-Identifier: Apache-2.0
// Verdicts, redirects, moved borders: what happens to a frame, and that its end is on the books.
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/abi/func_id.h"
#include "bpf/runtime/runtime.h"
#include "tests/unit/dataplane/rig.h"

namespace dataplane {
namespace {

using namespace test;

enum : u32 { kAborted, kDrop, kPass, kTx, kRedirect };

void attach(Rig& rig, const std::string& port, XdpFunction function, bool burst = true) {
  const auto status = rig.plane().attach_xdp(port, make_program(function, 1, burst));
  ASSERT_TRUE(status) << status.error().what();
}

TEST(XdpHook, EveryVerdictEndsWhereItShouldAndIsCounted) {
  Rig rig({"a", "b", "c"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  attach(rig, "a", [](xdp_buff* ctx, bpf_env* env) {
    const u32 verdict = number_of(ctx) % 6;
    return verdict == kRedirect ? redirect_to(env, kFirstIfindex + 2) : verdict;
  });
  rig.start();
  rig.feed("a", numbered(0, 600));
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("a")), every(600, 6, kTx));
  EXPECT_EQ(numbers(rig.collect("b")), every(600, 6, kPass));
  EXPECT_EQ(numbers(rig.collect("c")), every(600, 6, kRedirect));
  EXPECT_EQ(drops(done, "a", DropReason::xdp_aborted), 100u);
  EXPECT_EQ(drops(done, "a", DropReason::xdp_drop), 100u);
  EXPECT_EQ(drops(done, "a", DropReason::xdp_unknown_verdict), 100u);
  const EntryAccount& entry = done.find_port("a")->entry;
  EXPECT_EQ(entry.received, 600u);
  EXPECT_EQ(entry.received_bytes, 600u * 64);
  EXPECT_EQ(entry.verdicts, (std::array<u64, kVerdictCount>{200, 100, 100, 100, 100}))
      << "an unknown one counts as aborted";
  EXPECT_EQ(entry.xdp_exceptions, 200u);
  EXPECT_EQ(done.find_port("b")->sent_bytes, 100u * 64);
}

TEST(XdpHook, ProgramWithoutBurstEntryPointDoesTheSame) {
  Rig rig({"a", "b"});
  attach(
      rig, "a",
      [](xdp_buff* ctx, bpf_env* env) { return number_of(ctx) % 2 ? u32(kTx) : redirect_to(env, kFirstIfindex + 1); },
      false);
  rig.start();
  rig.feed("a", numbered(0, 100));
  rig.finish();
  EXPECT_EQ(numbers(rig.collect("a")), every(100, 2, 1));
  EXPECT_EQ(numbers(rig.collect("b")), every(100, 2, 0));
}

TEST(XdpHook, BurstsOfOneVerdictTakeTheShortWayAndCountAlike) {
  for (const u32 verdict : {0u, 1u, 2u, 3u, 4u, 77u}) {
    static u32 answer;
    answer = verdict;
    Rig rig({"a", "b"});
    ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
    attach(rig, "a",
           [](xdp_buff*, bpf_env* env) { return answer == kRedirect ? redirect_to(env, kFirstIfindex + 1) : answer; });
    rig.start();
    rig.feed("a", numbered(0, 320));
    const Snapshot done = rig.finish();
    const EntryAccount& entry = done.find_port("a")->entry;
    EXPECT_EQ(entry.verdicts[verdict < kVerdictCount ? verdict : kAborted], 320u) << verdict;
    EXPECT_EQ(numbers(rig.collect("a")).size(), verdict == kTx ? 320u : 0u) << verdict;
    EXPECT_EQ(numbers(rig.collect("b")).size(), verdict == kPass || verdict == kRedirect ? 320u : 0u) << verdict;
  }
}

TEST(XdpHook, PortWithoutProgramFollowsItsOnPass) {
  Rig rig({"a", "b"});
  rig.start();
  rig.feed("a", numbered(0, 50));
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassHost{"b"}));
  rig.feed("a", numbered(50, 50));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::pass_drop), 50u);
  EXPECT_EQ(numbers(rig.collect("b")), every(100, 1, 50));
}

TEST(XdpHook, RedirectWithoutTargetOrToNoPortIsADropByName) {
  Rig rig({"a"});
  attach(rig, "a",
         [](xdp_buff* ctx, bpf_env* env) { return number_of(ctx) % 2 ? redirect_to(env, 999) : u32(kRedirect); });
  rig.start();
  rig.feed("a", numbered(0, 100));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::redirect_no_port), 50u);
  EXPECT_EQ(drops(done, "a", DropReason::redirect_no_target), 50u);
  EXPECT_EQ(done.find_port("a")->entry.redirect_errors, 100u);
}

constexpr u32 kMapId = 7;

// A devmap of all ports of a rig, one entry twice and one that names no port.
u32 list_targets(const void*, u64* ifindexes, u32 max) {
  const u32 all[] = {kFirstIfindex, kFirstIfindex + 1, kFirstIfindex + 2, kFirstIfindex + 1, 999};
  const u32 count = std::min<u32>(max, std::size(all));
  std::copy_n(all, count, ifindexes);
  return count;
}

TEST(XdpHook, BroadcastSendsWholeCopiesToEveryEntry) {
  Rig rig({"a", "b", "c"});
  ASSERT_TRUE(rig.plane().register_redirect_map({.map_id = kMapId, .targets = list_targets}));
  attach(rig, "a", [](xdp_buff* ctx, bpf_env* env) {
    const u32 exclude = number_of(ctx) % 2 ? u32(bpf::BPF_F_EXCLUDE_INGRESS) : 0;
    return redirect_to_map(env, kMapId, 0, u32(bpf::BPF_F_BROADCAST) | exclude);
  });
  // The receiver writes into what it gets: no one else may see that.
  attach(rig, "b", [](xdp_buff*, bpf_env*) { return u32(kDrop); });
  rig.start();
  rig.feed("a", numbered(0, 100));
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("a")), every(100, 2, 0));
  EXPECT_EQ(numbers(rig.collect("b")), every(100, 1, 0));
  EXPECT_EQ(numbers(rig.collect("c")), every(100, 1, 0));
  EXPECT_EQ(done.find_port("a")->entry.cloned, 50u * 2 + 50u);
}

TEST(XdpHook, RedirectThroughAMapGoesToTheEntryThatTheHelperFound) {
  Rig rig({"a", "b"});
  attach(rig, "a", [](xdp_buff*, bpf_env* env) { return redirect_to_map(env, kMapId, kFirstIfindex + 1, 0); });
  rig.start();
  rig.feed("a", numbered(0, 64));
  rig.finish();
  EXPECT_EQ(numbers(rig.collect("b")), every(64, 1, 0));
}

TEST(XdpHook, BroadcastThroughAMapThatIsNotKnownOrNamesNobodyIsADropByName) {
  Rig rig({"a"});
  const auto nobody = [](const void*, u64*, u32) { return 0u; };
  ASSERT_TRUE(rig.plane().register_redirect_map({.map_id = kMapId, .targets = nobody}));
  EXPECT_EQ(rig.plane().register_redirect_map({.map_id = kMapId, .targets = nobody}).error().code(), EEXIST);
  attach(rig, "a", [](xdp_buff* ctx, bpf_env* env) {
    return redirect_to_map(env, kMapId + number_of(ctx) % 2, 0, u32(bpf::BPF_F_BROADCAST));
  });
  rig.start();
  rig.feed("a", numbered(0, 100));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::redirect_no_target), 50u);
  EXPECT_EQ(drops(done, "a", DropReason::redirect_no_map), 50u);
}

TEST(XdpHook, BroadcastWithoutBuffersDropsTheCopiesByName) {
  Rig rig({"a", "b", "c"}, {.mbufs = 127, .ring_slots = 256});
  ASSERT_TRUE(rig.plane().register_redirect_map({.map_id = kMapId, .targets = list_targets}));
  attach(rig, "a", [](xdp_buff*, bpf_env* env) {
    return redirect_to_map(env, kMapId, 0, u32(bpf::BPF_F_BROADCAST | bpf::BPF_F_EXCLUDE_INGRESS));
  });
  rig.feed_stopped("a", numbered(0, 100));
  rig.start();
  rig.wait_received("a", 100);
  const Snapshot done = rig.finish();
  EXPECT_EQ(done.find_port("a")->entry.cloned, 100u);
  EXPECT_EQ(drops(done, "a", DropReason::clone_no_mbuf), 100u - 27u) << "27 buffers were left";
  EXPECT_EQ(sent(done, "a", "b") + sent(done, "a", "c"), 127u);
}

TEST(XdpHook, MovedBordersAreWhatLeavesThePort) {
  Rig rig({"a"});
  attach(rig, "a", [](xdp_buff* ctx, bpf_env* env) {
    switch (number_of(ctx) % 4) {
      case 0:
        return bpf_xdp_adjust_head(env, u64(ctx), 4, 0, 0, 0) ? u32(kAborted) : u32(kTx);
      case 1:
        return bpf_xdp_adjust_tail(env, u64(ctx), u64(-4), 0, 0, 0) ? u32(kAborted) : u32(kTx);
      case 2:
        return bpf_xdp_adjust_tail(env, u64(ctx), 100, 0, 0, 0) ? u32(kAborted) : u32(kTx);
      default:
        return bpf_xdp_adjust_meta(env, u64(ctx), u64(-8), 0, 0, 0) ? u32(kAborted) : u32(kTx);
    }
  });
  rig.start();
  rig.feed("a", numbered(0, 400));
  const Snapshot done = rig.finish();
  const auto frames = rig.collect("a");
  ASSERT_EQ(frames.size(), 400u);
  for (u32 i = 0; i < frames.size(); ++i) {
    const Frame original = make_frame(i);
    const Frame expected[] = {Frame(original.begin() + 4, original.end()), Frame(original.begin(), original.end() - 4),
                              [&] {
                                Frame grown = original;
                                grown.resize(164);
                                return grown;
                              }(),
                              original};
    EXPECT_EQ(frames[i], expected[i % 4]) << i;
  }
  EXPECT_EQ(done.find_port("a")->sent_bytes, 100u * (60 + 60 + 164 + 64));
}

// Linux leaves a program 256 bytes minus its own notes; drivers of DPDK see only half of them, the rest lies in front
// of the buffer.
TEST(XdpHook, HeadroomIsThatOfLinuxAndGrowingIntoItsHiddenHalfKeepsTheFrame) {
  Rig rig({"a"});
  attach(rig, "a", [](xdp_buff* ctx, bpf_env* env) {
    if (bpf_xdp_adjust_head(env, u64(ctx), u64(-217), 0, 0, 0) == 0) return u32(kAborted);
    const u32 grow = number_of(ctx) % 217;
    if (bpf_xdp_adjust_head(env, u64(ctx), u64(-s64(grow)), 0, 0, 0) != 0) return u32(kAborted);
    std::memset(ctx->data, 0xee, grow);
    return u32(kTx);
  });
  rig.start();
  rig.feed("a", numbered(0, 434, 200));
  rig.finish();
  const auto frames = rig.collect("a");
  ASSERT_EQ(frames.size(), 434u);
  for (u32 i = 0; i < frames.size(); ++i) {
    Frame expected(i % 217, 0xee);
    const Frame original = make_frame(i, 200);
    expected.insert(expected.end(), original.begin(), original.end());
    EXPECT_EQ(frames[i], expected) << i;
  }
}

TEST(XdpHook, FrameLongerThanTheEgressMtuIsADropByName) {
  Rig rig({"a", "b"});
  attach(rig, "a", [](xdp_buff*, bpf_env* env) { return redirect_to(env, kFirstIfindex + 1); });
  rig.start();
  std::vector<Frame> frames = numbered(0, 50, 1518);
  const auto more = numbered(50, 50, 1519);
  frames.insert(frames.end(), more.begin(), more.end());
  rig.feed("a", frames);
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("b")), every(50, 1, 0));
  EXPECT_EQ(drops(done, "a", DropReason::tx_too_long), 50u);
}

TEST(XdpHook, AdministrativelyDownPortReceivesAndSendsNothing) {
  Rig rig({"a", "b"});
  attach(rig, "a", [](xdp_buff*, bpf_env* env) { return redirect_to(env, kFirstIfindex + 1); });
  rig.start();
  ASSERT_TRUE(rig.plane().set_admin_up("b", false));
  rig.feed("a", numbered(0, 100));
  EXPECT_EQ(send_frames(rig.outside("b"), numbered(0, 10)), 10u);
  ASSERT_TRUE(rig.plane().set_admin_up("b", true));
  rig.wait_received("b", 10);
  rig.feed("a", numbered(100, 100));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::tx_down), 100u);
  EXPECT_EQ(numbers(rig.collect("b")), every(200, 1, 100));
}

TEST(XdpHook, FullTransmitQueueDropsWhatFindsNoRoomByName) {
  Rig rig({"a", "b"}, {.ring_slots = 256});
  attach(rig, "a", [](xdp_buff*, bpf_env* env) { return redirect_to(env, kFirstIfindex + 1); });
  rig.start();
  rig.feed("a", numbered(0, 1000));
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("b")), every(255, 1, 0)) << "a ring of 256 slots holds 255";
  EXPECT_EQ(drops(done, "a", DropReason::tx_full), 745u);
}

TEST(XdpHook, FullQueueOfAPortWithoutLinkSaysSo) {
  Rig rig({"a", "b"}, {.ring_slots = 256});
  attach(rig, "a", [](xdp_buff*, bpf_env* env) { return redirect_to(env, kFirstIfindex + 1); });
  rig.start();
  rig.close_outside("b");
  EXPECT_FALSE(rig.plane().snapshot().find_port("b")->link_up);
  rig.feed("a", numbered(0, 1000));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::tx_no_link), 745u);
}

TEST(XdpHook, ProgramThatLeavesTheBordersAloneSeesAndSendsTheSameFrames) {
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  const auto program = make_program(
      [](xdp_buff* ctx, bpf_env* env) {
        const auto bytes = static_cast<u8*>(ctx->data_end) - static_cast<u8*>(ctx->data);
        const u32 number = number_of(ctx);
        if (bytes != 64 + long(number % 7)) return u32(kAborted);
        return number % 3 == 0 ? u32(kTx) : number % 3 == 1 ? u32(kPass) : redirect_to(env, kFirstIfindex + 1);
      },
      1, true, false);
  ASSERT_TRUE(rig.plane().attach_xdp("a", program));
  rig.start();
  std::vector<Frame> frames;
  for (u32 i = 0; i < 600; ++i) frames.push_back(make_frame(i, 64 + i % 7));
  rig.feed("a", frames);
  rig.finish();
  EXPECT_EQ(numbers(rig.collect("a")), every(600, 3, 0));
  EXPECT_EQ(rig.collect("b").size(), 400u);
}

}  // namespace
}  // namespace dataplane

int main(int argc, char** argv) {
  const auto cpus = test::usable_cpus();
  return test::run_tests_on_eal(argc, argv, test::test_eal_options("xdp", {cpus[1 % cpus.size()]}));
}
