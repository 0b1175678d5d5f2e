// SPDX-License-Identifier: Apache-2.0
// Workers and the control handles that turn while they run: several workers, spread flows, live changes, exact
// snapshots.
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

#include "bpf/abi/flags.h"
#include "bpf/registry/host.h"
#include "dataplane/spread.h"
#include "tests/unit/dataplane/rig.h"

namespace dataplane {
namespace {

using namespace test;

enum : u32 { kDrop = 1, kPass, kTx, kRedirect };

bool has_two_cpus() {
  return usable_cpus().size() >= 2;
}
#define REQUIRE_TWO_CPUS() \
  if (!has_two_cpus()) GTEST_SKIP() << "two workers take two CPUs; this process may use one"

// An IPv4 UDP frame of a flow, with its place in the flow behind the headers.
Frame flow_frame(u32 flow, u32 place) {
  Frame frame(64);
  const u8 head[] = {2,  0, 0, 0, 0, 1,  2,  0, 0, 0,  0, 2, 8, 0,  0x45, 0, 0,
                     50, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0,    0, 2};
  std::memcpy(frame.data(), head, sizeof head);
  std::memcpy(&frame[34], &flow, 2);
  frame[37] = 53;
  std::memcpy(&frame[42], &flow, 4);
  std::memcpy(&frame[46], &place, 4);
  return frame;
}

TEST(Workers, FlowsSpreadOverTwoWorkersStayInOrderAndAreAllAccounted) {
  REQUIRE_TWO_CPUS();
  static std::atomic<u32> seen_by_cpu[256];
  for (auto& seen : seen_by_cpu) seen = 0;
  Rig rig({"a"}, {.workers = 2, .spread = {"w0", "w1"}});
  ASSERT_TRUE(rig.plane().attach_xdp("a", make_program([](xdp_buff*, bpf_env* env) {
                                       seen_by_cpu[env->cpu % 256].fetch_add(1, std::memory_order_relaxed);
                                       return u32(kTx);
                                     })));
  rig.start();
  constexpr u32 kFlows = 64, kPlaces = 200;
  std::vector<Frame> back;
  for (u32 place = 0; place < kPlaces; ++place) {
    std::vector<Frame> frames;
    for (u32 flow = 0; flow < kFlows; ++flow) frames.push_back(flow_frame(flow, place));
    rig.feed("a", frames);
    EXPECT_TRUE(wait_until([&] {
      const auto some = rig.collect("a");
      back.insert(back.end(), some.begin(), some.end());
      return back.size() == std::size_t(place + 1) * kFlows;
    }));
    if (place % 50 == 0) expect_accounted(rig.plane().snapshot(), false);
  }
  const Snapshot done = rig.finish();
  EXPECT_EQ(done.find_port("a")->entry.dropped(), 0u);
  std::vector<u32> next(kFlows, 0);
  for (const Frame& frame : back) {
    u32 flow = 0, place = 0;
    std::memcpy(&flow, &frame[42], 4);
    std::memcpy(&place, &frame[46], 4);
    ASSERT_LT(flow, kFlows);
    EXPECT_EQ(place, next[flow]++) << "flow " << flow << " out of order";
  }
  const auto cpus = usable_cpus();
  const u32 one = seen_by_cpu[cpus[0] % 256], other = seen_by_cpu[cpus[1] % 256];
  EXPECT_EQ(one + other, kFlows * kPlaces);
  EXPECT_GT(one, kPlaces * 8) << "spread too unevenly";
  EXPECT_GT(other, kPlaces * 8) << "spread too unevenly";
}

TEST(Workers, SnapshotsUnderLoadCloseExactlyAndHeldIsNeverNegative) {
  REQUIRE_TWO_CPUS();
  Rig rig({"a", "b"}, {.workers = 2, .spread = {"w0", "w1"}});
  ASSERT_TRUE(rig.plane().attach_xdp(
      "a", make_program([](xdp_buff*, bpf_env* env) { return redirect_to(env, kFirstIfindex + 1); })));
  ASSERT_TRUE(rig.plane().attach_xdp("b", make_program([](xdp_buff* ctx, bpf_env*) {
                                       return static_cast<u8*>(ctx->data)[50] & 1 ? u32(kDrop) : u32(kTx);
                                     })));
  rig.start();
  u32 snapshots = 0;
  u64 last = 0;
  for (u32 round = 0; round < 400; ++round) {
    std::vector<Frame> frames;
    for (u32 i = 0; i < 32; ++i) frames.push_back(flow_frame(round * 32 + i, round));
    send_frames(rig.outside("a"), frames);
    send_frames(rig.outside("b"), frames);
    const Snapshot now = rig.plane().snapshot();
    expect_accounted(now, false);
    EXPECT_GE(now.find_port("a")->entry.received, last);
    last = now.find_port("a")->entry.received;
    ++snapshots;
    rig.collect("b");
    if (testing::Test::HasFailure()) break;
  }
  EXPECT_EQ(snapshots, 400u);
  const Snapshot done = rig.finish();
  EXPECT_GT(done.find_port("a")->entry.received, 1000u);
}

TEST(Workers, WorkerWithoutATransmitQueueHandsOverToItsOwner) {
  REQUIRE_TWO_CPUS();
  Rig rig({"a", "b"}, {.workers = 2});  // ring ports have one queue: of w0. Port b is polled by w1.
  ASSERT_TRUE(rig.plane().attach_xdp("b", make_program([](xdp_buff*, bpf_env*) { return u32(kTx); })));
  rig.start();
  // No more than the queue between the workers holds: where w0 is not given a CPU meanwhile, nothing is lost.
  constexpr u32 kBursts = 31, kFrames = kBursts * 32;
  static_assert(kFrames < kHandoverSlots);
  for (u32 i = 0; i < kBursts; ++i) rig.feed("b", numbered(i * 32, 32));
  const Snapshot done = rig.finish();
  EXPECT_EQ(sent(done, "b", "b"), kFrames);
  const auto frames = rig.collect("b");
  ASSERT_EQ(frames.size(), kFrames);
  for (u32 i = 0; i < frames.size(); ++i) EXPECT_EQ(frame_number(frames[i].data(), 64), i);
}

TEST(Workers, StopDeliversWhatIsInsideBeforeItEnds) {
  REQUIRE_TWO_CPUS();
  for (u32 round = 0; round < 20; ++round) {
    Rig rig({"a"}, {.workers = 2, .spread = {"w0", "w1"}});
    ASSERT_TRUE(rig.plane().attach_xdp("a", make_program([](xdp_buff*, bpf_env*) { return u32(kTx); })));
    std::vector<Frame> frames;
    for (u32 i = 0; i < 1000; ++i) frames.push_back(flow_frame(i, 0));
    rig.feed_stopped("a", frames);
    rig.start();
    wait_until([&] { return rig.inside("a").stats().rx_packets > round * 32; });
    const Snapshot done = rig.finish();
    EXPECT_EQ(done.find_port("a")->entry.dropped(), 0u);
  }
}

TEST(Workers, ProgramsChangeUnderLoadWithoutLosingAPacketAndOldOnesAreLetGo) {
  Rig rig({"a"});
  const auto tx = [](xdp_buff*, bpf_env*) { return u32(kTx); };
  const auto tx_too = [](xdp_buff* ctx, bpf_env*) { return ctx->data_end > ctx->data ? u32(kTx) : u32(kDrop); };
  ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"a"}));
  rig.start();
  u32 fed = 0, back = 0;
  for (u32 round = 0; round < 300; ++round) {
    fed += send_frames(rig.outside("a"), numbered(fed, 32));
    auto program = make_program(round % 2 ? tx : XdpFunction(tx_too), round);
    std::weak_ptr<const AttachedProgram> old = rig.plane().attached_xdp("a");
    switch (round % 3) {
      case 0:
        ASSERT_TRUE(rig.plane().attach_xdp("a", std::move(program)));
        break;
      case 1:
        ASSERT_TRUE(rig.plane().replace_xdp("a", std::move(program)));
        break;
      default:
        ASSERT_TRUE(rig.plane().detach_xdp("a"));
    }
    EXPECT_TRUE(old.expired()) << "a replaced program is still held";
    back += u32(rig.collect("a").size());
  }
  EXPECT_TRUE(wait_until([&] { return rig.inside("a").stats().rx_packets == fed; }));
  const Snapshot done = rig.finish();
  back += u32(rig.collect("a").size());
  EXPECT_EQ(back, fed);
  EXPECT_EQ(done.find_port("a")->entry.dropped(), 0u);
}

TEST(Workers, AttachAnswersLikeAPortWithOnePlace) {
  Rig rig({"a"});
  const auto drop = [](xdp_buff*, bpf_env*) { return u32(kDrop); };
  EXPECT_EQ(rig.plane().detach_xdp("a").error().code(), ENOENT);
  EXPECT_EQ(rig.plane().replace_xdp("a", make_program(drop)).error().code(), ENOENT);
  ASSERT_TRUE(rig.plane().attach_xdp("a", make_program(drop, 5)));
  const auto second = rig.plane().attach_xdp("a", make_program(drop, 6));
  EXPECT_EQ(second.error().code(), EBUSY);
  EXPECT_NE(second.error().what().find("program id 5"), std::string::npos);
  EXPECT_EQ(rig.plane().attach_xdp("nowhere", make_program(drop)).error().code(), EINVAL);
}

TEST(Workers, RunsAreCountedAlwaysAndTimedOnRequest) {
  Rig rig({"a"});
  const auto program = make_program([](xdp_buff*, bpf_env*) { return u32(kDrop); });
  ASSERT_TRUE(rig.plane().attach_xdp("a", program));
  rig.start();
  rig.feed("a", numbered(0, 100));
  rig.plane().wait_grace_period();
  EXPECT_EQ(program->stats().run_cnt, 100u);
  EXPECT_EQ(program->stats().run_time_ns, 0u);
  rig.plane().set_run_time(true);
  rig.plane().wait_grace_period();
  rig.feed("a", numbered(100, 100));
  rig.plane().wait_grace_period();
  EXPECT_EQ(program->stats().run_cnt, 200u);
  EXPECT_GT(program->stats().run_time_ns, 0u);
  rig.finish();
}

TEST(Workers, ProgramSeesItsCpuPortAndQueue) {
  static std::atomic<u32> cpu, ifindex, queue;
  Rig rig({"a", "b"});
  ASSERT_TRUE(rig.plane().attach_xdp("b", make_program([](xdp_buff* ctx, bpf_env* env) {
                                       cpu = env->cpu, ifindex = ctx->ingress_ifindex, queue = ctx->rx_queue_index;
                                       return u32(kDrop);
                                     })));
  rig.start();
  rig.feed("b", numbered(0, 1));
  rig.finish();
  EXPECT_EQ(cpu, usable_cpus()[1 % usable_cpus().size()]);
  EXPECT_EQ(ifindex, kFirstIfindex + 1);
  EXPECT_EQ(queue, 0u);
}

TEST(Workers, PrintedLinesArriveAndThoseWithoutRoomAreCounted) {
  Rig rig({"a"});
  ASSERT_TRUE(rig.plane().attach_xdp("a", make_program([](xdp_buff* ctx, bpf_env* env) {
                                       char line[64];
                                       const int size = std::snprintf(line, sizeof line, "frame %u", number_of(ctx));
                                       env->host->trace_printk(env, line, u32(size));
                                       return u32(kDrop);
                                     })));
  rig.start();
  rig.feed("a", numbered(0, 3));
  rig.plane().wait_grace_period();
  std::vector<std::string> lines;
  rig.plane().drain_trace([&](u32, std::string_view line) { lines.emplace_back(line); });
  EXPECT_EQ(lines, (std::vector<std::string>{"frame 0", "frame 1", "frame 2"}));
  for (u32 i = 0; i < 10; ++i) rig.feed("a", numbered(i * 1000, 1000));
  rig.plane().wait_grace_period();
  lines.clear();
  rig.plane().drain_trace([&](u32, std::string_view line) { lines.emplace_back(line); });
  const Snapshot done = rig.finish();
  EXPECT_EQ(lines.size() + done.workers[0].trace_lines_lost, 10000u);
  EXPECT_GT(done.workers[0].trace_lines_lost, 0u);
}

TEST(Workers, HostClocksAreThoseOfTheKernel) {
  static std::atomic<u64> monotonic, boot;
  Rig rig({"a"});
  ASSERT_TRUE(rig.plane().attach_xdp("a", make_program([](xdp_buff*, bpf_env* env) {
                                       monotonic = env->host->ktime_get_ns(env),
                                       boot = env->host->ktime_get_boot_ns(env);
                                       return u32(kDrop);
                                     })));
  const auto read = [](clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return u64(t.tv_sec) * 1000000000 + u64(t.tv_nsec);
  };
  rig.start();
  const u64 before = read(CLOCK_MONOTONIC), boot_before = read(CLOCK_BOOTTIME);
  rig.feed("a", numbered(0, 1));
  rig.finish();
  EXPECT_GE(monotonic, before);
  EXPECT_LE(monotonic, read(CLOCK_MONOTONIC));
  EXPECT_GE(boot, boot_before);
}

TEST(Workers, IdleWorkerSleepsAndABusyOneDoesNot) {
  for (const Poll poll : {Poll::adaptive, Poll::busy}) {
    Rig rig({"a"}, {.poll = poll});
    rig.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const auto before = rig.plane().heartbeats();
    EXPECT_TRUE(wait_until([&] { return rig.plane().heartbeats()[0] > before[0]; }));
    const Snapshot done = rig.finish();
    EXPECT_EQ(done.workers[0].sleeps > 0, poll == Poll::adaptive);
    EXPECT_EQ(done.workers[0].busy_cycles, 0u);
    EXPECT_GT(done.workers[0].bursts[0], 0u);
  }
}

TEST(Workers, StopAndStartAgainGoesOnCounting) {
  Rig rig({"a"});
  ASSERT_TRUE(rig.plane().attach_xdp("a", make_program([](xdp_buff*, bpf_env*) { return u32(kTx); })));
  for (u32 round = 1; round <= 3; ++round) {
    rig.start();
    EXPECT_EQ(rig.plane().start().error().code(), EALREADY);
    rig.feed("a", numbered(0, 50));
    EXPECT_EQ(rig.finish().find_port("a")->entry.received, round * 50);
    EXPECT_FALSE(rig.plane().running());
  }
}

class Refusals : public testing::Test {
 protected:
  Refusals() : rig_({"a", "b"}), cpu_(usable_cpus()[1 % usable_cpus().size()]) {
    spec_.workers = {{.name = "w0", .cpu = cpu_}};
    spec_.ports = {{.port = &rig_.inside("a")}, {.port = &rig_.inside("b")}};
  }
  void expect_refused(int code, const std::string& words) {
    auto plane = Dataplane::make(spec_);
    ASSERT_FALSE(plane);
    EXPECT_EQ(plane.error().code(), code);
    EXPECT_NE(plane.error().what().find(words), std::string::npos) << plane.error().what();
  }

  Rig rig_;
  u32 cpu_;
  DataplaneSpec spec_;
};

TEST_F(Refusals, TwoWorkersOnOneCpu) {
  spec_.workers.push_back({.name = "w1", .cpu = cpu_});
  expect_refused(EINVAL, "is taken by another worker");
}

TEST_F(Refusals, CpuWithoutAnLcore) {
  spec_.workers[0].cpu = 4000;
  auto plane = Dataplane::make(spec_);
  ASSERT_TRUE(plane);
  const auto status = (*plane)->start();
  EXPECT_EQ(status.error().code(), ENOENT);
  EXPECT_FALSE((*plane)->running());
}

TEST_F(Refusals, NamesThatNobodyHas) {
  spec_.ports[0].queues = {"w7"};
  expect_refused(EINVAL, "port a: queues: no worker named 'w7' (have: w0)");
  spec_.ports[0].queues.clear();
  spec_.ports[1].on_pass = PassForward{"wan"};
  expect_refused(EINVAL, "port b: on-pass: no port named 'wan' (have: a, b)");
}

TEST_F(Refusals, NumbersOutOfRange) {
  spec_.workers[0].burst = 65;
  expect_refused(EINVAL, "burst");
  spec_.workers[0].burst = 32;
  spec_.ports[0].queues = {"w0", "w0"};
  expect_refused(EINVAL, "2 queues are placed, the port has 1");
  spec_.ports[0].queues.clear();
  spec_.ports.push_back(PortPlan{.port = &rig_.inside("a")});
  expect_refused(EINVAL, "given twice");
  spec_.workers.clear();
  expect_refused(EINVAL, "no worker");
}

TEST(FlowHash, BothDirectionsOfAFlowAgreeAndFlowsDiffer) {
  const auto hash = [](const Frame& frame) { return flow_hash(frame.data(), u32(frame.size())); };
  const auto reversed = [](Frame frame) {
    std::swap_ranges(&frame[26], &frame[30], &frame[30]);
    std::swap_ranges(&frame[34], &frame[36], &frame[36]);
    return frame;
  };
  const auto tagged = [](Frame frame) {
    const u8 tag[] = {0x81, 0, 0, 5};
    frame.insert(frame.begin() + 12, tag, tag + 4);
    return frame;
  };
  std::set<u32> hashes;
  for (u32 flow = 0; flow < 1000; ++flow) {
    const Frame frame = flow_frame(flow, 0);
    EXPECT_EQ(hash(frame), hash(reversed(frame)));
    EXPECT_EQ(hash(frame), hash(tagged(frame)));
    hashes.insert(hash(frame));
  }
  EXPECT_GT(hashes.size(), 990u);
}

TEST(FlowHash, FragmentsOfADatagramGoOneWayWhateverLiesWherePortsWouldBe) {
  Frame first = flow_frame(1, 0), later = flow_frame(2, 0);
  first[20] = 0x20;  // more fragments
  later[21] = 0x10;  // an offset
  EXPECT_EQ(flow_hash(first.data(), 64), flow_hash(later.data(), 64));
}

TEST(FlowHash, FramesCutAnywhereAreReadOnlyAsFarAsTheyGo) {
  for (u32 bytes = 0; bytes <= 64; ++bytes) {
    const Frame frame = flow_frame(3, 0);
    const Frame cut(frame.begin(), frame.begin() + bytes);  // on the heap: a read behind it is an error under ASan
    const Frame again = cut;
    EXPECT_EQ(flow_hash(cut.data(), bytes), flow_hash(again.data(), bytes));
  }
}

}  // namespace
}  // namespace dataplane

int main(int argc, char** argv) {
  return test::run_tests_on_eal(argc, argv, test::test_eal_options("workers", test::usable_cpus()));
}
