// SPDX-License-Identifier: Apache-2.0
// TC programs on both sides of a port: what every answer does to a frame, redirects and copies, what programs see, and
// that each frame's end is on the books. The answers' meanings and the figures of contexts were asked of Linux 6.18.
#include "dataplane/tc_hook.h"

#include <atomic>
#include <cstring>

#include "bpf/abi/flags.h"
#include "bpf/abi/func_id.h"
#include "bpf/runtime/runtime.h"
#include "tests/unit/dataplane/rig.h"

namespace dataplane {
namespace {

using namespace test;
using base::s32;

constexpr u32 kNext = u32(-1), kOk = 0, kShot = 2, kRedirect = 7;
constexpr auto kIngress = TcDirection::ingress;
constexpr auto kEgress = TcDirection::egress;

u32 send_to(bpf_env* env, u32 ifindex, u64 flags = 0) {
  return u32(::bpf_skb_redirect(env, ifindex, flags, 0, 0, 0));
}
s32 copy_to(bpf_env* env, sk_buff* skb, u32 ifindex, u64 flags = 0) {
  return s32(::bpf_clone_redirect(env, reinterpret_cast<u64>(skb), ifindex, flags, 0, 0));
}

void attach(Rig& rig, const std::string& port, TcDirection direction, const std::vector<TcFunction>& tcx,
            const std::vector<TcFunction>& clsact = {}) {
  TcPrograms programs;
  for (const TcFunction function : tcx) programs.tcx.push_back(make_tc_program(function));
  for (const TcFunction function : clsact) programs.clsact.push_back(make_tc_program(function));
  const auto status = rig.plane().set_tc(port, direction, std::move(programs));
  ASSERT_TRUE(status) << status.error().what();
}

u64 outcome(const Snapshot& snapshot, const std::string& port, TcDirection direction, TcOutcome outcome) {
  return snapshot.find_port(port)->tc[std::size_t(direction)][std::size_t(outcome)];
}

struct Answer {
  s32 number;
  bool tcx_goes_on, clsact_asked;  // said by the first tcx program
  bool clsact_goes_on;             // said by the first clsact program
};
// What Linux 6.18 did with the answers of the first of two programs on a veth's ingress.
constexpr Answer kAnswers[] = {{-2, false, true, true}, {-1, true, true, true},   {0, false, false, false},
                               {1, false, true, true},  {2, false, false, false}, {3, false, true, true},
                               {4, false, true, false}, {5, false, true, true},   {6, false, true, true},
                               {8, false, true, false}, {9, false, true, true},   {0x7fffffff, false, true, true}};

s32 answer_now;
std::atomic<u32> second_runs, third_runs;

TEST(TcHook, EveryAnswerOfATcxProgramIsTakenAsLinuxTakesIt) {
  for (const Answer& answer : kAnswers) {
    answer_now = answer.number;
    second_runs = third_runs = 0;
    Rig rig({"a", "b"});
    ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
    attach(
        rig, "a", kIngress,
        {[](sk_buff*, bpf_env*) { return u32(answer_now); }, [](sk_buff*, bpf_env*) { return ++second_runs, kNext; }},
        {[](sk_buff*, bpf_env*) { return ++third_runs, kNext; }});
    rig.start();
    rig.feed("a", numbered(0, 40));
    const Snapshot done = rig.finish();
    EXPECT_EQ(second_runs, answer.tcx_goes_on ? 40u : 0u) << answer.number;
    EXPECT_EQ(third_runs, answer.clsact_asked ? 40u : 0u) << answer.number;
    EXPECT_EQ(numbers(rig.collect("b")).size(), answer.number == 2 ? 0u : 40u) << answer.number;
    EXPECT_EQ(drops(done, "a", DropReason::tc_ingress_drop), answer.number == 2 ? 40u : 0u) << answer.number;
    EXPECT_EQ(done.find_port("a")->entry.consumed, 0u);
  }
}

TEST(TcHook, EveryAnswerOfAClsactProgramIsTakenAsLinuxTakesIt) {
  for (const Answer& answer : kAnswers) {
    answer_now = answer.number;
    second_runs = 0;
    Rig rig({"a", "b"});
    ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
    attach(
        rig, "b", kEgress, {},
        {[](sk_buff*, bpf_env*) { return u32(answer_now); }, [](sk_buff*, bpf_env*) { return ++second_runs, kNext; }});
    rig.start();
    rig.feed("a", numbered(0, 40));
    const Snapshot done = rig.finish();
    const bool consumed = answer.number == 4 || answer.number == 8, dropped = answer.number == 2;
    EXPECT_EQ(second_runs, answer.clsact_goes_on ? 40u : 0u) << answer.number;
    EXPECT_EQ(numbers(rig.collect("b")).size(), consumed || dropped ? 0u : 40u) << answer.number;
    EXPECT_EQ(done.find_port("a")->entry.consumed, consumed ? 40u : 0u) << answer.number;
    EXPECT_EQ(drops(done, "a", DropReason::tc_egress_drop), dropped ? 40u : 0u) << answer.number;
    EXPECT_EQ(outcome(done, "b", kEgress, TcOutcome::consume), consumed ? 40u : 0u) << answer.number;
  }
}

TEST(TcHook, FramesOfOneBurstPartAndEachIsCountedWhereItEnds) {
  Rig rig({"a", "b", "c"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  attach(rig, "a", kIngress, {}, {[](sk_buff* skb, bpf_env* env) {
           constexpr u32 kAnswer[] = {kOk, kShot, 4};
           const u32 rest = number_of(skb) % 4;
           return rest == 3 ? send_to(env, kFirstIfindex + 2) : kAnswer[rest];
         }});
  rig.start();
  rig.feed("a", numbered(0, 400));
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("b")), every(400, 4, 0));
  EXPECT_EQ(numbers(rig.collect("c")), every(400, 4, 3));
  for (std::size_t o = 0; o < kTcOutcomeCount; ++o)
    EXPECT_EQ(outcome(done, "a", kIngress, TcOutcome(o)), 100u) << kTcOutcomeNames[o];
  EXPECT_EQ(drops(done, "a", DropReason::tc_ingress_drop), 100u);
  EXPECT_EQ(done.find_port("a")->entry.consumed, 100u);
}

TEST(TcHook, WithoutOnPassWhatPassesIsADropByName) {
  Rig rig({"a"});
  attach(rig, "a", kIngress, {[](sk_buff*, bpf_env*) { return kOk; }});
  rig.start();
  rig.feed("a", numbered(0, 10));
  EXPECT_EQ(drops(rig.finish(), "a", DropReason::pass_drop), 10u);
}

// ---------------------------------------------------------------- redirects and copies

TEST(TcHook, RedirectToAnEgressRunsItsProgramsAndToAnIngressThoseThere) {
  Rig rig({"a", "b", "c"});
  ASSERT_TRUE(rig.plane().set_on_pass("b", PassForward{"c"}));
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           skb->mark = 77;
           skb->priority = 9;
           return send_to(env, kFirstIfindex + 1, number_of(skb) % 2 ? bpf::BPF_F_INGRESS : 0);
         }});
  attach(rig, "b", kEgress, {[](sk_buff* skb, bpf_env*) {
           const bool known = skb->mark == 77 && skb->priority == 9 && skb->ifindex == kFirstIfindex + 1 &&
                              skb->ingress_ifindex == kFirstIfindex && skb->wire_len == skb->len;
           return known ? kNext : kShot;
         }});
  attach(rig, "b", kIngress, {[](sk_buff* skb, bpf_env*) {
           const bool known = skb->mark == 77 && skb->priority == 0 && skb->ifindex == kFirstIfindex + 1 &&
                              skb->ingress_ifindex == kFirstIfindex + 1 && skb->wire_len == skb->len - 14;
           return known ? kNext : kShot;
         }});
  rig.start();
  rig.feed("a", numbered(0, 200));
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("b")), every(200, 2, 0));
  EXPECT_EQ(numbers(rig.collect("c")), every(200, 2, 1));
  EXPECT_EQ(sent(done, "a", "c"), 100u) << "the port of entry stays what it was";
  EXPECT_EQ(outcome(done, "b", kIngress, TcOutcome::pass), 100u);
  EXPECT_EQ(outcome(done, "b", kEgress, TcOutcome::pass), 100u);
}

TEST(TcHook, RedirectsThatLeadNowhereAreDropsByName) {
  Rig rig({"a"});
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           switch (number_of(skb) % 5) {
             case 0:
               return kRedirect;
             case 1:
               return send_to(env, 999);
             case 2:
               return send_to(env, kFirstIfindex, 2);  // an unknown flag
             case 3:
               return u32(::bpf_redirect_peer(env, kFirstIfindex, 0, 0, 0, 0));
             default:
               return u32(::bpf_redirect_neigh(env, kFirstIfindex, 0, 0, 0, 0));
           }
         }});
  rig.start();
  rig.feed("a", numbered(0, 100));
  const Snapshot done = rig.finish();
  for (const DropReason reason :
       {DropReason::redirect_no_target, DropReason::redirect_no_port, DropReason::tc_ingress_drop,
        DropReason::redirect_peer, DropReason::redirect_neighbour})
    EXPECT_EQ(drops(done, "a", reason), 20u) << drop_text(reason).name;
}

TEST(TcHook, FrameSentRoundAndRoundEndsAfterAsManyTransmissionsAsOnLinux) {
  Rig rig({"a", "b"});
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           return send_to(env, kFirstIfindex + 1, number_of(skb) % 2 ? bpf::BPF_F_INGRESS : 0);
         }});
  attach(rig, "b", kEgress, {[](sk_buff*, bpf_env* env) { return send_to(env, kFirstIfindex + 1); }});
  attach(rig, "b", kIngress,
         {[](sk_buff*, bpf_env* env) { return send_to(env, kFirstIfindex + 1, bpf::BPF_F_INGRESS); }});
  rig.start();
  rig.feed("a", numbered(0, 20));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::tc_loop), 20u);
  EXPECT_EQ(outcome(done, "b", kEgress, TcOutcome::redirect), 9u * 10) << "Linux: nine runs, then the frame is gone";
  EXPECT_EQ(outcome(done, "b", kIngress, TcOutcome::redirect), 9u * 10);
}

TEST(TcHook, CopiesAreWholeAndTheProgramGoesOnAsBefore) {
  Rig rig({"a", "b", "c"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  ASSERT_TRUE(rig.plane().set_on_pass("c", PassForward{"c"}));
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           const u32 answer = send_to(env, kFirstIfindex + 1);
           const bool fine = copy_to(env, skb, kFirstIfindex + 2) == 0 &&
                             copy_to(env, skb, kFirstIfindex + 2, bpf::BPF_F_INGRESS) == 0 &&
                             copy_to(env, skb, 999) == -EINVAL && copy_to(env, skb, kFirstIfindex + 2, 2) == -EINVAL;
           return fine ? answer : kShot;
         }});
  // Writes into the bytes, and notes a redirect of its own: nobody else may see either.
  attach(rig, "c", kEgress, {[](sk_buff* skb, bpf_env* env) {
           (void)send_to(env, 999);
           static_cast<u8*>(skb->data)[0] = 0x55;
           return kOk;
         }});
  rig.start();
  rig.feed("a", numbered(0, 50));
  const Snapshot done = rig.finish();
  EXPECT_EQ(rig.collect("b"), numbered(0, 50));
  const auto copies = rig.collect("c");
  EXPECT_EQ(numbers(copies).size(), 100u);
  for (const Frame& copy : copies) EXPECT_EQ(copy[0], 0x55);
  EXPECT_EQ(done.find_port("a")->entry.cloned, 100u);
  EXPECT_EQ(outcome(done, "c", kIngress, TcOutcome::pass), 0u) << "no program there";
}

TEST(TcHook, CopyThatIsDroppedIsAnsweredAndCounted) {
  Rig rig({"a", "b", "c"});
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           return copy_to(env, skb, kFirstIfindex + 1) == 1 && copy_to(env, skb, kFirstIfindex + 2) == 1 ? kOk : kShot;
         }});
  attach(rig, "b", kEgress, {[](sk_buff*, bpf_env*) { return kShot; }});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  ASSERT_TRUE(rig.plane().set_admin_up("c", false));
  rig.start();
  rig.feed("a", numbered(0, 30));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::tc_egress_drop), 60u);
  EXPECT_EQ(drops(done, "a", DropReason::tx_down), 30u);
  EXPECT_EQ(drops(done, "a", DropReason::tc_ingress_drop), 0u);
}

TEST(TcHook, CopyThatFindsNoBufferIsAnsweredAndCounted) {
  Rig poor({"a", "b"}, {.mbufs = 40});
  ASSERT_TRUE(poor.plane().set_on_pass("a", PassForward{"b"}));
  attach(poor, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           for (int i = 0; i < 3; ++i)
             if (const s32 code = copy_to(env, skb, kFirstIfindex + 1); code != 0) return code == -ENOMEM ? kOk : kShot;
           return kOk;
         }});
  poor.feed_stopped("a", numbered(0, 30));
  poor.start();
  poor.wait_received("a", 30);
  const Snapshot end = poor.finish();
  EXPECT_GT(drops(end, "a", DropReason::clone_no_mbuf), 0u);
  EXPECT_EQ(drops(end, "a", DropReason::tc_ingress_drop), 0u);
  (void)poor.collect("b");
}

TEST(TcHook, MoreCopiesToOnePortThanABurstHasFrames) {
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  const auto status = rig.plane().attach_xdp("a", make_program([](xdp_buff* ctx, bpf_env* env) {
                                               return number_of(ctx) % 2 ? 2u : redirect_to(env, kFirstIfindex + 1);
                                             }));
  ASSERT_TRUE(status);
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           for (int i = 0; i < 7; ++i)
             if (copy_to(env, skb, kFirstIfindex + 1) != 0) return kShot;
           return kOk;
         }});
  rig.start();
  rig.feed("a", numbered(0, 256));
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("b")).size(), 128u + 128u * 8);
  EXPECT_EQ(done.find_port("a")->entry.cloned, 128u * 7);
}

TEST(TcHook, MoreFramesToAnIngressThanTheBacklogHoldsAreDropsByName) {
  Rig rig({"a", "b"});
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           u32 refused = 0;
           for (int i = 0; i < 200; ++i) refused += copy_to(env, skb, kFirstIfindex + 1, bpf::BPF_F_INGRESS) == 1;
           return refused == 200 - 2 * kBurstMax ? kOk : kShot;
         }});
  attach(rig, "b", kIngress, {[](sk_buff*, bpf_env*) { return kShot; }});
  rig.start();
  rig.feed("a", numbered(0, 1));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::tc_backlog_full), 200u - 2 * kBurstMax);
  EXPECT_EQ(drops(done, "a", DropReason::tc_ingress_drop), 2u * kBurstMax);
  EXPECT_EQ(drops(done, "a", DropReason::pass_drop), 1u);
}

TEST(TcHook, IngressOfAPortThatIsDownTakesNothing) {
  Rig rig({"a", "b"});
  attach(rig, "a", kIngress,
         {[](sk_buff*, bpf_env* env) { return send_to(env, kFirstIfindex + 1, bpf::BPF_F_INGRESS); }});
  ASSERT_TRUE(rig.plane().set_admin_up("b", false));
  rig.start();
  rig.feed("a", numbered(0, 10));
  EXPECT_EQ(drops(rig.finish(), "a", DropReason::tc_ingress_down), 10u);
}

// ---------------------------------------------------------------- what programs see

TEST(TcHook, ContextHoldsWhatTheDeviceAndTheBytesSay) {
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  static drivers::MacAddress own;
  own = rig.inside("a").mac();
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env*) {
           const auto* bytes = static_cast<const u8*>(skb->data);
           const bool borders = skb->len == 64 &&
                                static_cast<char*>(skb->data_end) - static_cast<char*>(skb->data) == 64 &&
                                skb->data_meta == skb->data && skb->wire_len == 50;
           const bool fields = skb->protocol == 0xb588 && skb->ifindex == kFirstIfindex &&
                               skb->ingress_ifindex == kFirstIfindex && skb->queue_mapping == 1 && !skb->vlan_present &&
                               !skb->mark && !skb->priority && !skb->hash_known && !skb->sk && !skb->tstamp;
           const u8 type = bytes[0] == 0xff ? 1 : bytes[0] & 1 ? 2 : std::memcmp(bytes, own.data(), 6) == 0 ? 0 : 3;
           return borders && fields && skb->pkt_type == type ? kOk : kShot;
         }});
  auto frames = numbered(0, 4);
  std::memcpy(frames[0].data(), own.data(), 6);
  std::memset(frames[1].data(), 0xff, 6);
  frames[2][0] |= 1;
  rig.start();
  rig.feed("a", frames);
  EXPECT_EQ(drops(rig.finish(), "a", DropReason::tc_ingress_drop), 0u);
  EXPECT_EQ(rig.collect("b"), frames);
}

Frame tagged(u32 number, u16 tci) {
  Frame frame = make_frame(number);
  frame.insert(frame.begin() + 12, {0x81, 0x00, u8(tci >> 8), u8(tci)});
  return frame;
}

TEST(TcHook, VlanTagStandsBesideTheBytesAndGoesBackIntoThem) {
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  constexpr TcFunction kSees = [](sk_buff* skb, bpf_env*) {
    const bool sees = skb->vlan_present && skb->vlan_tci == 0x2005 && skb->vlan_proto == 0x0081 &&
                      skb->protocol == 0xb588 && skb->len == 64 && frame_number(static_cast<u8*>(skb->data), 64);
    return sees ? kNext : kShot;
  };
  attach(rig, "a", kIngress, {kSees});
  attach(rig, "b", kEgress, {kSees});
  std::vector<Frame> frames;
  for (u32 i = 0; i < 50; ++i) frames.push_back(tagged(i, 0x2005));
  rig.start();
  rig.feed("a", frames);
  rig.finish();
  EXPECT_EQ(rig.collect("b"), frames);
}

TEST(TcHook, MetadataOfXdpReachesTcEvenWhereATagIsTakenOut) {
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  const auto status = rig.plane().attach_xdp("a", make_program([](xdp_buff* ctx, bpf_env*) {
                                               ctx->data_meta = static_cast<char*>(ctx->data) - 8;
                                               std::memcpy(ctx->data_meta, "metadata", 8);
                                               return 2u;
                                             }));
  ASSERT_TRUE(status);
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env*) {
           const auto* meta = static_cast<const char*>(skb->data_meta);
           return static_cast<char*>(skb->data) - meta == 8 && std::memcmp(meta, "metadata", 8) == 0 ? kOk : kShot;
         }});
  std::vector<Frame> frames = numbered(0, 20);
  for (u32 i = 20; i < 40; ++i) frames.push_back(tagged(i, 7));
  rig.start();
  rig.feed("a", frames);
  EXPECT_EQ(drops(rig.finish(), "a", DropReason::tc_ingress_drop), 0u);
  EXPECT_EQ(rig.collect("b"), frames);
}

TEST(TcHook, HeadroomBeyondTheBufferIsThereAndMovedBordersReachThePeer) {
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           if (::bpf_skb_change_head(env, reinterpret_cast<u64>(skb), 200, 0, 0, 0) != 0 || skb->len != 264)
             return kShot;
           std::memset(skb->data, 0x77, 200);
           return kOk;
         }});
  rig.start();
  rig.feed("a", numbered(0, 40));
  const Snapshot done = rig.finish();
  auto frames = numbered(0, 40);
  for (Frame& frame : frames) frame.insert(frame.begin(), 200, 0x77);
  EXPECT_EQ(rig.collect("b"), frames);
  EXPECT_EQ(done.find_port("b")->sent_bytes, 40u * 264);
}

TEST(TcHook, FramesTooShortOrTooLongAreDropsByName) {
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           return ::bpf_skb_change_tail(env, reinterpret_cast<u64>(skb), 1800, 0, 0, 0) == 0 ? kOk : kShot;
         }});
  Frame no_tag = tagged(1, 1);
  no_tag.resize(17);
  rig.start();
  rig.feed("a", {Frame(13, 0), no_tag, make_frame(0)});
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::skb_too_short), 2u);
  EXPECT_EQ(drops(done, "a", DropReason::tx_too_long), 1u);
}

// ---------------------------------------------------------------- control

TEST(TcHook, RunsAreCountedAndTimedPerProgram) {
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  const auto first = make_tc_program([](sk_buff* skb, bpf_env*) { return number_of(skb) % 2 ? kNext : kOk; }, 1);
  const auto second = make_tc_program([](sk_buff*, bpf_env*) { return kOk; }, 2);
  ASSERT_TRUE(rig.plane().set_tc("a", kIngress, {.tcx = {first, second}, .clsact = {}}));
  ASSERT_TRUE(rig.plane().set_tc("b", kEgress, {.tcx = {second}, .clsact = {}}));
  rig.plane().set_run_time(true);
  rig.start();
  rig.feed("a", numbered(0, 100));
  rig.finish();
  EXPECT_EQ(first->stats().run_cnt, 100u);
  EXPECT_EQ(second->stats().run_cnt, 150u);
  EXPECT_GT(first->stats().run_time_ns, 0u);
  EXPECT_EQ(rig.plane().tc("a", kIngress).tcx.size(), 2u);
  EXPECT_TRUE(rig.plane().tc("a", kEgress).empty());
}

TEST(TcHook, UnknownPortsAndTooManyProgramsAreRefused) {
  Rig rig({"a"});
  EXPECT_EQ(rig.plane().set_tc("x", kIngress, {}).error().code(), EINVAL);
  TcPrograms many;
  for (std::size_t i = 0; i <= kTcProgramsMax; ++i)
    many.tcx.push_back(make_tc_program([](sk_buff*, bpf_env*) { return kOk; }));
  EXPECT_EQ(rig.plane().set_tc("a", kEgress, many).error().code(), E2BIG);
  many.tcx.pop_back();
  EXPECT_TRUE(rig.plane().set_tc("a", kEgress, many));
}

TEST(TcHook, ListsAreExchangedUnderLoadWithoutLosingAFrame) {
  Rig rig({"a", "b"}, {.workers = 2});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  rig.start();
  for (u32 round = 0; round < 40; ++round) {
    if (round % 2)
      attach(rig, "a", kIngress, {[](sk_buff*, bpf_env*) { return kNext; }});
    else
      attach(rig, "a", kIngress, {});
    attach(rig, "b", kEgress, {[](sk_buff*, bpf_env*) { return kOk; }}, {[](sk_buff*, bpf_env*) { return kShot; }});
    rig.feed("a", numbered(round * 50, 50));
  }
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("b")), every(2000, 1, 0));
  EXPECT_EQ(outcome(done, "b", kEgress, TcOutcome::pass), 2000u);
}

TEST(TcHook, EgressBelongsToTheWorkerThatForwardsAndAccountsCloseOverAllWorkers) {
  Rig rig({"a", "b"}, {.workers = 2, .spread = {"w0", "w1"}});
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  attach(rig, "a", kIngress, {[](sk_buff* skb, bpf_env* env) {
           (void)copy_to(env, skb, kFirstIfindex, bpf::BPF_F_INGRESS & number_of(skb));
           return kOk;
         }});
  attach(rig, "a", kEgress, {[](sk_buff*, bpf_env*) { return kShot; }});
  attach(rig, "b", kEgress, {}, {[](sk_buff* skb, bpf_env*) { return number_of(skb) % 2 ? kOk : 4u; }});
  rig.start();
  rig.feed("a", numbered(0, 200));
  const Snapshot done = rig.finish();
  EXPECT_GT(done.find_port("a")->entry.cloned, 200u) << "a copy to the same ingress copies itself, as often as allowed";
  EXPECT_EQ(done.find_port("a")->entry.consumed, 100u);
  (void)rig.collect("b");
}

}  // namespace
}  // namespace dataplane

int main(int argc, char** argv) {
  return test::run_tests_on_eal(argc, argv, test::test_eal_options("tc", test::usable_cpus()));
}
