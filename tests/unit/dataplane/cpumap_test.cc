// SPDX-License-Identifier: Apache-2.0
// Programs of map entries: frames that go on at another worker, and frames that meet a program where they leave.
#include <atomic>

#include "bpf/abi/flags.h"
#include "bpf/abi/host/bpf_map.h"
#include "tests/unit/dataplane/rig.h"

namespace test {
namespace {

using dataplane::DropReason;
using dataplane::PassForward;
using dataplane::Snapshot;

enum : u32 { kAborted, kDrop, kPass, kTx };
constexpr u32 kCpuMapId = 5, kDevMapId = 6, kProgramId = 77;

// A cpumap: an entry for each CPU that a test names.
struct CpuEntries {
  std::map<u32, u64> entries;
  static u64 find(const void* map, u32 cpu) {
    const auto& entries = static_cast<const CpuEntries*>(map)->entries;
    const auto found = entries.find(cpu);
    return found == entries.end() ? 0 : found->second;
  }
};

u64 entry(u32 number, u32 program = 0) {
  return number | u64(program) << 32;
}

u32 redirect_to_cpu(bpf_env* env, u32 cpu) {
  env->redirect = {.kind = BPF_REDIRECT_CPU, .target = cpu, .map_id = kCpuMapId, .flags = 0};
  return 4;
}

// CPUs of the workers of a rig, by its own rule.
u32 cpu_of(u32 worker) {
  const auto cpus = usable_cpus();
  return cpus[(worker + 1) % cpus.size()];
}

std::atomic<u32> cpu_even, cpu_odd;

u32 spread_by_number(xdp_buff* ctx, bpf_env* env) {
  return redirect_to_cpu(env, number_of(ctx) % 2 ? cpu_odd : cpu_even);
}

void attach(Rig& rig, const std::string& port, XdpFunction function) {
  const auto status = rig.plane().attach_xdp(port, make_program(function));
  ASSERT_TRUE(status) << status.error().what();
}

struct CpuMap : testing::Test {
  void install(Rig& rig, CpuEntries& map) {
    const auto status =
        rig.plane().register_redirect_map({.map_id = kCpuMapId, .map = &map, .find_cpu = CpuEntries::find});
    ASSERT_TRUE(status) << status.error().what();
    ASSERT_TRUE(rig.plane().set_on_pass("a", PassForward{"b"}));
  }
};

TEST_F(CpuMap, SpreadsOneQueueOverTwoWorkersEachFlowInOrder) {
  if (usable_cpus().size() < 2) GTEST_SKIP() << "one CPU only";
  Rig rig({"a", "b"}, {.workers = 2});
  CpuEntries map{{{cpu_of(0), entry(2048)}, {cpu_of(1), entry(2048, kProgramId)}}};
  install(rig, map);
  cpu_even = cpu_of(0), cpu_odd = cpu_of(1);
  static std::atomic<u32> wrong_cpu, wrong_port, runs;
  wrong_cpu = wrong_port = runs = 0;
  const auto program = make_program(
      [](xdp_buff* ctx, bpf_env* env) {
        runs += 1;
        wrong_cpu += env->cpu != cpu_odd;
        wrong_port += ctx->ingress_ifindex != kFirstIfindex;
        return number_of(ctx) % 5 == 0 ? u32(kDrop) : u32(kPass);
      },
      kProgramId);
  rig.plane().add_entry_program(program);
  attach(rig, "a", spread_by_number);
  rig.start();
  for (u32 round = 0; round < 8; ++round) {
    rig.feed("a", numbered(round * 256, 256));
    expect_accounted(rig.plane().snapshot(), false);
  }
  const Snapshot done = rig.finish();
  std::vector<u32> even, odd, wanted_odd;
  for (const u32 number : numbers(rig.collect("b"))) (number % 2 ? odd : even).push_back(number);
  for (const u32 number : every(2048, 2, 1))
    if (number % 5 != 0) wanted_odd.push_back(number);
  EXPECT_EQ(even, every(2048, 2, 0));
  EXPECT_EQ(odd, wanted_odd);
  EXPECT_EQ(runs, 1024u);
  EXPECT_EQ(program->stats().run_cnt, 1024u);
  EXPECT_EQ(wrong_cpu, 0u);
  EXPECT_EQ(wrong_port, 0u);
  EXPECT_EQ(drops(done, "a", DropReason::xdp_drop), 1024u - wanted_odd.size());
}

// One worker, whose queue to itself is looked at after the burst: what does not fit is known to the frame.
TEST_F(CpuMap, AFullQueueIsADropByName) {
  Rig rig({"a", "b"});
  CpuEntries map{{{cpu_of(0), entry(4)}}};
  install(rig, map);
  cpu_even = cpu_odd = cpu_of(0);
  attach(rig, "a", spread_by_number);
  const u32 burst = dataplane::WorkerSpec{}.burst;
  rig.feed_stopped("a", numbered(0, 2 * burst));
  rig.start();
  rig.wait_received("a", 2 * burst);
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::cpumap_full), 2 * (burst - 4)) << "of each burst four may wait";
  EXPECT_EQ(numbers(rig.collect("b")), (std::vector<u32>{0, 1, 2, 3, burst, burst + 1, burst + 2, burst + 3}));
}

TEST_F(CpuMap, CpusWithoutWorkerEntryOrProgramAreDropsByName) {
  Rig rig({"a", "b"});
  CpuEntries map{{{4000, entry(64)}, {cpu_of(0), entry(64, kProgramId)}}};
  install(rig, map);
  attach(rig, "a", [](xdp_buff* ctx, bpf_env* env) {
    const u32 cpus[] = {4000, 4001, cpu_of(0)};
    return redirect_to_cpu(env, cpus[number_of(ctx) % 3]);
  });
  rig.start();
  rig.feed("a", numbered(0, 90));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::cpumap_no_worker), 30u);
  EXPECT_EQ(drops(done, "a", DropReason::redirect_no_target), 30u);
  EXPECT_EQ(drops(done, "a", DropReason::entry_no_program), 30u);
  EXPECT_EQ(done.find_port("a")->entry.redirect_errors, 60u);
}

// As on Linux: there is no port to send back to, and a redirect goes on from there.
TEST_F(CpuMap, VerdictsBehindTheQueue) {
  Rig rig({"a", "b", "c"});
  CpuEntries map{{{cpu_of(0), entry(2048, kProgramId)}}};
  install(rig, map);
  cpu_even = cpu_odd = cpu_of(0);
  rig.plane().add_entry_program(make_program(
      [](xdp_buff* ctx, bpf_env* env) {
        const u32 number = number_of(ctx) % 5;
        return number == 4 ? redirect_to(env, kFirstIfindex + 2) : number;
      },
      kProgramId));
  attach(rig, "a", spread_by_number);
  rig.start();
  rig.feed("a", numbered(0, 500));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::xdp_aborted), 100u);
  EXPECT_EQ(drops(done, "a", DropReason::xdp_drop), 100u);
  EXPECT_EQ(drops(done, "a", DropReason::xdp_unknown_verdict), 100u) << "XDP_TX";
  EXPECT_EQ(numbers(rig.collect("b")), every(500, 5, 2));
  EXPECT_EQ(numbers(rig.collect("c")), every(500, 5, 4));
  EXPECT_EQ(done.find_port("a")->entry.verdicts[4], 500u) << "the table is of the port's own program";
}

TEST_F(CpuMap, AProgramThatSendsFramesRoundForeverDoesNotKeepTheDataPathFromStopping) {
  Rig rig({"a", "b"});
  CpuEntries map{{{cpu_of(0), entry(2048, kProgramId)}}};
  install(rig, map);
  cpu_even = cpu_odd = cpu_of(0);
  rig.plane().add_entry_program(make_program(spread_by_number, kProgramId));
  attach(rig, "a", spread_by_number);
  rig.start();
  rig.feed("a", numbered(0, 100));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::cpumap_full), 100u);
}

u32 redirect_to_entry(bpf_env* env, u32 ifindex, u32 program) {
  env->redirect = {.kind = BPF_REDIRECT_MAP, .target = ifindex, .map_id = program, .flags = BPF_REDIRECT_ENTRY_PROG};
  return 4;
}

TEST(DevMapProgram, SeesBothPortsAndWhatTheFrameIsThen) {
  Rig rig({"a", "b"});
  static std::atomic<u32> wrong;
  wrong = 0;
  rig.plane().add_entry_program(make_program(
      [](xdp_buff* ctx, bpf_env*) {
        const auto bytes = std::size_t(static_cast<u8*>(ctx->data_end) - static_cast<u8*>(ctx->data));
        wrong += ctx->ingress_ifindex != kFirstIfindex || ctx->egress_ifindex != kFirstIfindex + 1 ||
                 ctx->rx_queue_index != 0 || ctx->data_meta != ctx->data || bytes != 60;
        if (number_of(ctx) % 4 == 1) return u32(kDrop);
        if (number_of(ctx) % 4 == 2) return u32(kTx);
        if (number_of(ctx) % 4 == 3) return 99u;
        return u32(kPass);
      },
      kProgramId));
  attach(rig, "a", [](xdp_buff* ctx, bpf_env* env) {
    ctx->data_end = static_cast<u8*>(ctx->data) + 60;
    ctx->data_meta = static_cast<u8*>(ctx->data) - 4;
    return redirect_to_entry(env, kFirstIfindex + 1, kProgramId);
  });
  rig.start();
  rig.feed("a", numbered(0, 400, 64));
  const Snapshot done = rig.finish();
  EXPECT_EQ(wrong, 0u);
  const auto out = rig.collect("b");
  ASSERT_EQ(out.size(), 100u);
  for (const Frame& frame : out) EXPECT_EQ(frame.size(), 60u);
  EXPECT_EQ(drops(done, "a", DropReason::devmap_drop), 300u);
  EXPECT_EQ(done.find_port("a")->entry.xdp_exceptions, 200u) << "XDP_TX and a number that is no verdict";
}

TEST(DevMapProgram, RunsUnderBroadcastWhereItsEntrySays) {
  Rig rig({"a", "b", "c"});
  const auto targets = [](const void*, u64* entries, u32) {
    entries[0] = entry(kFirstIfindex + 1, kProgramId);
    entries[1] = entry(kFirstIfindex + 2);
    return 2u;
  };
  ASSERT_TRUE(rig.plane().register_redirect_map({.map_id = kDevMapId, .targets = targets}));
  rig.plane().add_entry_program(
      make_program([](xdp_buff* ctx, bpf_env*) { return number_of(ctx) % 2 ? u32(kDrop) : u32(kPass); }, kProgramId));
  attach(rig, "a",
         [](xdp_buff*, bpf_env* env) { return redirect_to_map(env, kDevMapId, 0, u32(bpf::BPF_F_BROADCAST)); });
  rig.start();
  rig.feed("a", numbered(0, 100));
  const Snapshot done = rig.finish();
  EXPECT_EQ(numbers(rig.collect("b")), every(100, 2, 0));
  EXPECT_EQ(numbers(rig.collect("c")), every(100, 1, 0));
  EXPECT_EQ(drops(done, "a", DropReason::devmap_drop), 50u);
  EXPECT_EQ(done.find_port("a")->entry.cloned, 100u);
}

TEST(DevMapProgram, DoesNotMeetWhatCannotLeaveAndIsForgottenByName) {
  Rig rig({"a", "b"});
  static std::atomic<u32> runs;
  runs = 0;
  rig.plane().add_entry_program(make_program(
      [](xdp_buff*, bpf_env*) {
        runs += 1;
        return u32(kPass);
      },
      kProgramId));
  attach(rig, "a", [](xdp_buff*, bpf_env* env) { return redirect_to_entry(env, kFirstIfindex + 1, kProgramId); });
  rig.start();
  rig.feed("a", numbered(0, 10, 1600));
  EXPECT_TRUE(wait_until([&] { return drops(rig.plane().snapshot(), "a", DropReason::tx_too_long) == 10; }));
  EXPECT_EQ(runs, 0u);
  ASSERT_TRUE(rig.plane().forget_entry_program(kProgramId));
  EXPECT_EQ(rig.plane().forget_entry_program(kProgramId).error().code(), ENOENT);
  rig.feed("a", numbered(0, 10));
  const Snapshot done = rig.finish();
  EXPECT_EQ(drops(done, "a", DropReason::entry_no_program), 10u);
}

}  // namespace
}  // namespace test

int main(int argc, char** argv) {
  return test::run_tests_on_eal(argc, argv, test::test_eal_options("cpumap", test::usable_cpus()));
}
