// SPDX-License-Identifier: Apache-2.0
// Links over a running data path: programs come, change and go while frames flow; none is lost, every run is counted.
#include "control/daemon/port_hooks.h"

#include <gtest/gtest.h>

#include "base/reclaim.h"
#include "bpf/abi/flags.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"
#include "tests/unit/dataplane/rig.h"

namespace control_test {
namespace {

using namespace support;
using test::Rig;

constexpr int kDrop = 1, kTx = 3;

// The door over a rig whose port "a" has ifindex 10.
class PortHooks : public testing::Test, public control::DeviceTable {
 protected:
  bool has_ifindex(u32 ifindex) const override { return ifindex == test::kFirstIfindex; }
  u32 rx_queue_count(u32) const override { return 1; }

  control::DoorConfig config() {
    control::DoorConfig config;
    config.ports = &hooks;
    config.devices = this;
    config.retire = [](std::shared_ptr<void> object) { base::Reclaim::process().retire([object] {}); };
    config.run_stats = [this](u32 id) { return hooks.run_stats(id); };
    config.on_device_map = [this](const std::shared_ptr<control::Map>& map) { hooks.add_device_map(map); };
    return config;
  }
  void connect() { ASSERT_TRUE(hooks.connect(rig.plane(), {}, {{"a", test::kFirstIfindex}}, false)); }
  long load(int verdict) {
    const auto insns = code({mov64_imm(R0, verdict), exit_insn()});
    const long fd = local->load(insns);
    EXPECT_GE(fd, 0) << local->client.last_error;
    return fd;
  }
  long create(long prog) {
    bpf_attr attr = make_attr();
    attr.link_create.prog_fd = u32(prog);
    attr.link_create.target_ifindex = test::kFirstIfindex;
    attr.link_create.attach_type = bpf::BPF_XDP;
    return local->call(bpf::BPF_LINK_CREATE, attr);
  }
  long update(long link, long next, long old) {
    bpf_attr attr = make_attr();
    attr.link_update.link_fd = u32(link);
    attr.link_update.new_prog_fd = u32(next);
    attr.link_update.flags = bpf::BPF_F_REPLACE;
    attr.link_update.old_prog_fd = u32(old);
    return local->call(bpf::BPF_LINK_UPDATE, attr);
  }
  u64 runs(long fd) {
    bpf::bpf_prog_info info{};
    bpf_attr attr = make_attr();
    attr.info.bpf_fd = u32(fd);
    attr.info.info = address(&info);
    attr.info.info_len = sizeof info;
    EXPECT_EQ(local->call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr), 0);
    return info.run_cnt;
  }
  static void expect_no_drops(const dataplane::Snapshot& done) {
    const auto& drops = done.find_port("a")->entry.drops;
    for (std::size_t i = 0; i < dataplane::kDropReasonCount; ++i)
      EXPECT_EQ(drops[i], 0U) << dataplane::kDropReasons[i].name;
  }
  long load_entry(bpf::bpf_attach_type expected, int verdict, u32 flags = 0) {
    const auto insns = code({mov64_imm(R0, verdict), exit_insn()});
    bpf_attr attr = Local::load_attr(insns);
    attr.expected_attach_type = expected;
    attr.prog_flags = flags;
    const long fd = local->call(bpf::BPF_PROG_LOAD, attr);
    EXPECT_GE(fd, 0) << local->client.last_error;
    return fd;
  }
  // A program that sends everything through `key` of a map.
  long load_redirect(long map, u32 key) {
    constexpr int kRedirectMap = 51;
    const long fd = local->load(code(
        {ld_map(R1, u32(map)), mov64_imm(R2, int(key)), mov64_imm(R3, 0), call_helper(kRedirectMap), exit_insn()}));
    EXPECT_GE(fd, 0) << local->client.last_error;
    return fd;
  }
  long put(long map, u32 key, u32 number, long prog) {
    const struct {
      u32 number;
      int fd;
    } value = {number, int(prog)};
    return local->element(bpf::BPF_MAP_UPDATE_ELEM, map, &key, &value);
  }
  void finish() {
    hooks.disconnect();
    local.reset();
  }

  Rig rig{{"a"}};
  control::DataplaneHooks hooks;
  std::unique_ptr<Local> local = std::make_unique<Local>(config());
};

TEST_F(PortHooks, UpdatesUnderLoadLoseNoFrameAndEveryRunIsCountedOnce) {
  connect();
  rig.start();
  const long programs[] = {load(kTx), load(kTx)};
  const long link = create(programs[0]);
  ASSERT_GE(link, 0) << local->client.last_error;
  u32 fed = 0, back = 0;
  for (u32 round = 0; round < 300; ++round) {
    fed += test::send_frames(rig.outside("a"), test::numbered(fed, 32));
    ASSERT_EQ(update(link, programs[(round + 1) % 2], programs[round % 2]), 0) << local->client.last_error;
    rig.wait_received("a", fed);
    back += u32(rig.collect("a").size());
  }
  const auto done = rig.finish();
  back += u32(rig.collect("a").size());
  EXPECT_EQ(back, fed);
  expect_no_drops(done);
  EXPECT_EQ(runs(programs[0]) + runs(programs[1]), fed);
  EXPECT_GT(runs(programs[1]), 0U) << "of " << fed << " frames, " << runs(programs[0]) << " met the other";
  finish();
}

TEST_F(PortHooks, LinksThatComeAndGoUnderLoadLoseNoFrameAndCountsOutliveThem) {
  connect();
  ASSERT_TRUE(rig.plane().set_on_pass("a", dataplane::PassForward{"a"}));
  rig.start();
  const long prog = load(kTx);
  u32 fed = 0, back = 0;
  for (u32 round = 0; round < 150; ++round) {
    fed += test::send_frames(rig.outside("a"), test::numbered(fed, 32));
    const long link = create(prog);
    ASSERT_GE(link, 0) << local->client.last_error;
    fed += test::send_frames(rig.outside("a"), test::numbered(fed, 32));
    EXPECT_NE(rig.plane().attached_xdp("a"), nullptr);
    if (round % 2) rig.wait_received("a", fed);
    local->client.close(int(link));
    EXPECT_EQ(rig.plane().attached_xdp("a"), nullptr);
    hooks.poll();
    rig.wait_received("a", fed);
    back += u32(rig.collect("a").size());
  }
  const auto done = rig.finish();
  back += u32(rig.collect("a").size());
  EXPECT_EQ(back, fed);
  expect_no_drops(done);
  EXPECT_GT(runs(prog), 0U) << "of " << fed << " frames";
  EXPECT_LE(runs(prog), fed);
  finish();
}

TEST_F(PortHooks, TcxLinksThatComeAndGoUnderLoadLoseNoFrameAndKeepTheirOrder) {
  connect();
  ASSERT_TRUE(rig.plane().set_on_pass("a", dataplane::PassForward{"a"}));
  rig.start();
  const auto load_tc = [&](int answer) {
    const auto insns = code({mov64_imm(R0, answer), exit_insn()});
    bpf_attr attr = Local::load_attr(insns);
    attr.prog_type = bpf::BPF_PROG_TYPE_SCHED_CLS;
    attr.expected_attach_type = 0;
    return local->call(bpf::BPF_PROG_LOAD, attr);
  };
  const auto attach = [&](long prog, u32 type, u32 flags) {
    bpf_attr attr = make_attr();
    attr.link_create.prog_fd = u32(prog);
    attr.link_create.target_ifindex = test::kFirstIfindex;
    attr.link_create.attach_type = type;
    attr.link_create.flags = flags;
    return local->call(bpf::BPF_LINK_CREATE, attr);
  };
  constexpr int kNext = -1, kPass = 0, kDropIt = 2;
  const long next = load_tc(kNext), pass = load_tc(kPass), drop = load_tc(kDropIt);
  ASSERT_GE(attach(drop, bpf::BPF_TCX_EGRESS, 0), 0) << local->client.last_error;
  ASSERT_GE(attach(pass, bpf::BPF_TCX_EGRESS, bpf::BPF_F_BEFORE), 0);
  u32 fed = 0, back = 0;
  for (u32 round = 0; round < 100; ++round) {
    fed += test::send_frames(rig.outside("a"), test::numbered(fed, 32));
    const long link = attach(next, bpf::BPF_TCX_INGRESS, 0);
    ASSERT_GE(link, 0) << local->client.last_error;
    fed += test::send_frames(rig.outside("a"), test::numbered(fed, 32));
    if (round % 2) rig.wait_received("a", fed);
    local->client.close(int(link));
    EXPECT_TRUE(rig.plane().tc("a", dataplane::TcDirection::ingress).empty());
    rig.wait_received("a", fed);
    back += u32(rig.collect("a").size());
  }
  const auto done = rig.finish();
  back += u32(rig.collect("a").size());
  EXPECT_EQ(back, fed);
  expect_no_drops(done);
  EXPECT_EQ(runs(pass), fed);
  EXPECT_EQ(runs(drop), 0U);
  EXPECT_GT(runs(next), 0U);
  finish();
}

TEST_F(PortHooks, AProgramIsLetGoWhenItsLinkAndItsDescriptorAre) {
  connect();
  rig.start();
  const long prog = load(kDrop);
  std::weak_ptr<control::Program> alive = local->door.programs().front();
  const long link = create(prog);
  local->client.close(int(prog));
  EXPECT_FALSE(alive.expired());
  local->client.close(int(link));
  EXPECT_TRUE(alive.expired());
  rig.finish();
  finish();
}

TEST_F(PortHooks, ABroadcastFindsTheDeviceMapOfAProgramThatALinkBrought) {
  connect();
  ASSERT_TRUE(rig.plane().set_on_pass("a", dataplane::PassDrop{}));
  rig.start();
  const long map = local->make_map(bpf::BPF_MAP_TYPE_DEVMAP, 4, 4, 2);
  const u32 key = 0, ifindex = test::kFirstIfindex;
  ASSERT_EQ(local->element(bpf::BPF_MAP_UPDATE_ELEM, map, &key, &ifindex), 0) << local->client.last_error;
  constexpr int kRedirectMap = 51;
  const auto insns = code({ld_map(R1, u32(map)), mov64_imm(R2, 0), mov64_imm(R3, int(bpf::BPF_F_BROADCAST)),
                           call_helper(kRedirectMap), exit_insn()});
  const long prog = local->load(insns);
  ASSERT_GE(prog, 0) << local->client.last_error;
  const long link = create(prog);
  ASSERT_GE(link, 0) << local->client.last_error;
  rig.feed("a", test::numbered(0, 64));
  EXPECT_TRUE(test::wait_until([&] { return runs(prog) == 64; }));
  // The map goes: the data path must have forgotten it before its memory does.
  for (const long fd : {link, prog, map}) local->client.close(int(fd));
  base::Reclaim::process().synchronize();
  hooks.poll();
  const auto done = rig.finish();
  EXPECT_EQ(rig.collect("a").size(), 64U);
  EXPECT_EQ(test::drops(done, "a", dataplane::DropReason::redirect_no_map), 0U);
  finish();
}

TEST_F(PortHooks, TheProgramOfADeviceEntryRunsUntilItIsReplacedAndIsLetGo) {
  connect();
  rig.start();
  const long map = local->make_map(bpf::BPF_MAP_TYPE_DEVMAP, 4, 8, 2);
  const long pass = load_entry(bpf::BPF_XDP_DEVMAP, 2), drop = load_entry(bpf::BPF_XDP_DEVMAP, kDrop);
  ASSERT_EQ(put(map, 1, test::kFirstIfindex, pass), 0) << local->client.last_error;
  const long prog = load_redirect(map, 1);
  const long link = create(prog);
  ASSERT_GE(link, 0) << local->client.last_error;
  rig.feed("a", test::numbered(0, 64));
  EXPECT_TRUE(test::wait_until([&] { return runs(pass) == 64; }));
  ASSERT_EQ(put(map, 1, test::kFirstIfindex, drop), 0) << local->client.last_error;
  rig.feed("a", test::numbered(64, 64));
  EXPECT_TRUE(test::wait_until([&] { return runs(drop) == 64; }));
  EXPECT_EQ(runs(pass), 64U);
  EXPECT_EQ(local->door.programs().size(), 3U);
  local->client.close(int(pass));
  base::Reclaim::process().synchronize();
  hooks.poll();
  EXPECT_EQ(local->door.programs().size(), 2U) << "no entry names it any more";
  for (const long fd : {link, prog, map, drop}) local->client.close(int(fd));
  // One grace period ends the map, the next one what its entries held.
  EXPECT_TRUE(test::wait_until([&] {
    base::Reclaim::process().synchronize();
    hooks.poll();
    return local->door.programs().empty();
  }));
  const auto done = rig.finish();
  EXPECT_EQ(rig.collect("a").size(), 64U);
  EXPECT_EQ(test::drops(done, "a", dataplane::DropReason::devmap_drop), 64U);
  finish();
}

TEST_F(PortHooks, ACpuMapSendsFramesToTheWorkerOnThatCpuAndItsProgram) {
  connect();
  rig.start();
  const u32 cpu = test::usable_cpus()[1 % test::usable_cpus().size()];  // the rig's only worker's
  const long map = local->make_map(bpf::BPF_MAP_TYPE_CPUMAP, 4, 8, cpu + 1);
  const long drop = load_entry(bpf::BPF_XDP_CPUMAP, kDrop);
  ASSERT_EQ(put(map, cpu, 192, drop), 0) << local->client.last_error;
  const long link = create(load_redirect(map, cpu));
  ASSERT_GE(link, 0) << local->client.last_error;
  rig.feed("a", test::numbered(0, 64));
  EXPECT_TRUE(test::wait_until([&] { return runs(drop) == 64; }));
  ASSERT_EQ(put(map, cpu, 192, -1), 0) << "the entry without its program";
  rig.feed("a", test::numbered(64, 64));
  const auto done = rig.finish();
  EXPECT_EQ(test::drops(done, "a", dataplane::DropReason::xdp_drop), 64U);
  EXPECT_EQ(test::drops(done, "a", dataplane::DropReason::pass_drop), 64U);
  finish();
}

// As the host answered: a devmap EINVAL, a cpumap ENOMEM, but where the entry is taken away.
TEST_F(PortHooks, ProgramsThatAnEntryDoesNotTakeAreRefusedAsByLinux) {
  const long devices = local->make_map(bpf::BPF_MAP_TYPE_DEVMAP, 4, 8, 4);
  const long hash = local->make_map(bpf::BPF_MAP_TYPE_DEVMAP_HASH, 4, 8, 4);
  const long cpus = local->make_map(bpf::BPF_MAP_TYPE_CPUMAP, 4, 8, 4);
  const long plain = load(kDrop);
  const long device = load_entry(bpf::BPF_XDP_DEVMAP, 2), cpu = load_entry(bpf::BPF_XDP_CPUMAP, 2);
  const u32 port = test::kFirstIfindex;
  for (const long map : {devices, hash})
    for (const long wrong : {plain, cpu, 999L, map}) EXPECT_EQ(put(map, 0, port, wrong), -EINVAL) << wrong;
  for (const long wrong : {plain, device, 999L, cpus}) EXPECT_EQ(put(cpus, 0, 64, wrong), -ENOMEM) << wrong;
  EXPECT_EQ(put(devices, 0, 0, device), -EINVAL);
  EXPECT_EQ(put(devices, 0, 999, device), -EINVAL) << "no such port";
  EXPECT_EQ(put(cpus, 0, 0, 999), 0) << "taken away, whatever is named";
  EXPECT_EQ(put(cpus, 0, 20000, cpu), -EOVERFLOW);
  EXPECT_EQ(put(devices, 0, port, device), 0);
  EXPECT_EQ(put(devices, 1, port, load_entry(bpf::BPF_XDP_DEVMAP, 2, bpf::BPF_F_XDP_HAS_FRAGS)), -EINVAL);
  EXPECT_EQ(put(cpus, 0, 64, cpu), 0);
  EXPECT_EQ(put(cpus, 1, 64, load_entry(bpf::BPF_XDP_CPUMAP, 2, bpf::BPF_F_XDP_HAS_FRAGS)), -ENOMEM);
  u32 value[2] = {};
  const u32 key = 0;
  ASSERT_EQ(local->element(bpf::BPF_MAP_LOOKUP_ELEM, cpus, &key, value), 0);
  EXPECT_EQ(value[0], 64U);
  EXPECT_NE(value[1], 0U) << "the program's id";
  finish();
}

TEST_F(PortHooks, RunTimeIsTakenWhileADescriptorOfEnableStatsIsOpen) {
  connect();
  rig.start();
  const long prog = load(kDrop);
  ASSERT_GE(create(prog), 0) << local->client.last_error;
  const auto feed = [&](u64 runs_wanted) {
    rig.feed("a", test::numbered(0, 64));
    EXPECT_TRUE(test::wait_until([&] { return runs(prog) == runs_wanted; }));
    return hooks.run_stats(local->door.programs().front()->id()).run_time_ns;
  };
  EXPECT_EQ(feed(64), 0U);
  bpf_attr attr = make_attr();
  const long stats = local->call(bpf::BPF_ENABLE_STATS, attr);
  ASSERT_GE(stats, 0);
  rig.plane().wait_grace_period();
  const u64 timed = feed(128);
  EXPECT_GT(timed, 0U);
  local->client.close(int(stats));
  rig.plane().wait_grace_period();
  EXPECT_EQ(feed(192), timed);
  rig.finish();
  finish();
}

TEST(PortHooksAlone, WithoutADataPathThereAreNoPorts) {
  control::DataplaneHooks hooks;
  EXPECT_EQ(hooks.set_xdp(test::kFirstIfindex, nullptr).error().code(), ENODEV);
  EXPECT_EQ(hooks.run_stats(1).run_cnt, 0U);
  hooks.want_run_time(true);
  hooks.poll();
}

}  // namespace
}  // namespace control_test

int main(int argc, char** argv) {
  return test::run_tests_on_eal(argc, argv, test::test_eal_options("port_hooks", test::usable_cpus()));
}
