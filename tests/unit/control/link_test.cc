// SPDX-License-Identifier: Apache-2.0
// Links on ports that only write down what happens to them. What the host kernel answers to the same: abi_oracle.
#include <gtest/gtest.h>

#include "bpf/abi/flags.h"
#include "control/show_links.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"
#include "tests/unit/control/fake_ports.h"

namespace control_test {
namespace {

using namespace support;

class Links : public testing::Test {
 protected:
  long load(u32 expected_attach_type = bpf::BPF_XDP) {
    const auto insns = code({mov64_imm(R0, 2), exit_insn()});
    bpf_attr attr = Local::load_attr(insns);
    attr.expected_attach_type = expected_attach_type;
    const long fd = local.call(bpf::BPF_PROG_LOAD, attr);
    EXPECT_GE(fd, 0) << local.client.last_error;
    return fd;
  }
  u32 id_of(long fd) {
    auto target = local.client.find(int(fd));
    return target ? target->object->id() : 0;
  }
  long create(long prog, u32 ifindex, u32 flags = 0, u32 type = bpf::BPF_XDP) {
    bpf_attr attr = make_attr();
    attr.link_create.prog_fd = u32(prog);
    attr.link_create.target_ifindex = ifindex;
    attr.link_create.attach_type = type;
    attr.link_create.flags = flags;
    return local.call(bpf::BPF_LINK_CREATE, attr);
  }
  long update(long link, long next, u32 flags = 0, long old = 0) {
    bpf_attr attr = make_attr();
    attr.link_update.link_fd = u32(link);
    attr.link_update.new_prog_fd = u32(next);
    attr.link_update.flags = flags;
    attr.link_update.old_prog_fd = u32(old);
    return local.call(bpf::BPF_LINK_UPDATE, attr);
  }
  long detach(long link) {
    bpf_attr attr = make_attr();
    attr.link_detach.link_fd = u32(link);
    return local.call(bpf::BPF_LINK_DETACH, attr);
  }
  long pin(long fd, const char* path) {
    bpf_attr attr = make_attr();
    attr.pathname = address(path);
    attr.bpf_fd = u32(fd);
    return local.call(bpf::BPF_OBJ_PIN, attr);
  }
  long get(const char* path, u32 flags = 0) {
    bpf_attr attr = make_attr();
    attr.pathname = address(path);
    attr.file_flags = flags;
    return local.call(bpf::BPF_OBJ_GET, attr);
  }
  bpf::bpf_link_info info_of(long fd, unsigned char fill = 0) {
    bpf::bpf_link_info info;
    std::memset(&info, fill, sizeof info);
    bpf_attr attr = make_attr();
    attr.info.bpf_fd = u32(fd);
    attr.info.info = address(&info);
    attr.info.info_len = sizeof info;
    EXPECT_EQ(local.call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr), 0) << local.client.last_error;
    EXPECT_EQ(attr.info.info_len, sizeof info);
    return info;
  }

  FakePorts ports;
  Local local{ports.config()};
};

TEST_F(Links, AProgramRunsAsLongAsSomebodyHoldsItsLink) {
  const long prog = load();
  const long link = create(prog, 3);
  ASSERT_GE(link, 0) << local.client.last_error;
  EXPECT_EQ(ports.programs, (std::map<u32, u32>{{3, id_of(prog)}}));
  local.client.close(int(prog));
  EXPECT_EQ(local.door.programs().size(), 1U) << "the link holds the program";
  local.client.close(int(link));
  EXPECT_TRUE(ports.programs.empty());
  EXPECT_TRUE(local.door.links().empty());
  EXPECT_TRUE(local.door.programs().empty());
}

TEST_F(Links, APinSurvivesTheClientAndEveryOtherHandleDoesNot) {
  const long prog = load();
  auto dying = std::make_unique<control::LocalClient>();
  for (const u32 ifindex : {2U, 3U}) {
    bpf_attr attr = make_attr();
    const int fd = dying->install(local.door.find_program(id_of(prog)), {});
    attr.link_create.prog_fd = u32(fd);
    attr.link_create.target_ifindex = ifindex;
    attr.link_create.attach_type = bpf::BPF_XDP;
    const long link = local.door.bpf_command(*dying, bpf::BPF_LINK_CREATE, &attr, sizeof attr);
    ASSERT_GE(link, 0) << dying->last_error;
    if (ifindex == 2) continue;
    attr = make_attr();
    attr.pathname = address("/sys/fs/bpf/kept");
    attr.bpf_fd = u32(link);
    ASSERT_EQ(local.door.bpf_command(*dying, bpf::BPF_OBJ_PIN, &attr, sizeof attr), 0);
  }
  EXPECT_EQ(ports.programs.size(), 2U);
  dying.reset();
  EXPECT_EQ(ports.programs, (std::map<u32, u32>{{3, id_of(prog)}}));
  EXPECT_EQ(get("/sys/fs/bpf/kept", bpf::BPF_F_RDONLY), -EINVAL);
  const long again = get("/sys/fs/bpf/kept");
  ASSERT_GE(again, 0);
  ASSERT_TRUE(local.door.unpin("/sys/fs/bpf/kept").ok());
  EXPECT_EQ(ports.programs.size(), 1U);
  local.client.close(int(again));
  EXPECT_TRUE(ports.programs.empty());
}

TEST_F(Links, APortHasOneProgram) {
  const long prog = load(), other = load();
  const long link = create(prog, 2);
  EXPECT_EQ(create(other, 2), -EBUSY);
  EXPECT_EQ(create(other, 2, bpf::XDP_FLAGS_DRV_MODE), -EBUSY);
  EXPECT_EQ(create(other, 2, bpf::XDP_FLAGS_SKB_MODE), -EEXIST);
  EXPECT_GE(create(other, 3, bpf::XDP_FLAGS_SKB_MODE), 0);
  EXPECT_EQ(create(other, 3), -EEXIST);
  EXPECT_EQ(create(other, 9), -EINVAL);
  EXPECT_EQ(create(other, 4, bpf::XDP_FLAGS_HW_MODE), -EINVAL);
  EXPECT_EQ(create(other, 4, bpf::XDP_FLAGS_SKB_MODE | bpf::XDP_FLAGS_DRV_MODE), -EINVAL);
  EXPECT_EQ(create(load(bpf::BPF_XDP_DEVMAP), 4), -EINVAL);
  EXPECT_EQ(create(other, 4, 0, bpf::BPF_TCX_INGRESS), -EINVAL);
  EXPECT_EQ(ports.programs, (std::map<u32, u32>{{2, id_of(prog)}, {3, id_of(other)}}));
  local.client.close(int(link));
  EXPECT_GE(create(other, 2), 0) << "the port is free again";
}

TEST_F(Links, AnUpdateNamesTheProgramItExpects) {
  const long prog = load(), next = load();
  const long link = create(prog, 2);
  EXPECT_EQ(update(link, next, bpf::BPF_F_REPLACE, next), -EPERM);
  EXPECT_EQ(update(link, next, 0, prog), -EINVAL);
  EXPECT_EQ(update(link, load(0)), -EINVAL) << "another expected attach type";
  EXPECT_EQ(ports.programs.at(2), id_of(prog));
  EXPECT_EQ(update(link, next, bpf::BPF_F_REPLACE, prog), 0);
  EXPECT_EQ(ports.programs.at(2), id_of(next));
  const int changes = ports.changes;
  EXPECT_EQ(update(link, next), 0);
  EXPECT_EQ(ports.changes, changes) << "the same program is not put in place again";
  local.client.close(int(prog));
  EXPECT_EQ(info_of(link).prog_id, id_of(next));
}

TEST_F(Links, ADetachedLinkIsThereWithoutAPort) {
  const long prog = load(), next = load();
  const long link = create(prog, 2);
  EXPECT_EQ(info_of(link).xdp.ifindex, 2U);
  EXPECT_EQ(detach(link), 0);
  EXPECT_EQ(detach(link), 0);
  EXPECT_TRUE(ports.programs.empty());
  EXPECT_EQ(update(link, next), -ENOLINK);
  const auto info = info_of(link);
  EXPECT_EQ(info.type, bpf::BPF_LINK_TYPE_XDP);
  EXPECT_EQ(info.prog_id, id_of(prog));
  EXPECT_EQ(info.xdp.ifindex, 0U);
  ASSERT_GE(create(next, 2), 0);
  local.client.close(int(link));
  EXPECT_EQ(ports.programs.at(2), id_of(next)) << "the dead link took another's program away";
}

TEST_F(Links, WhatAPortRefusesIsToldAndNothingStays) {
  const long prog = load(), next = load();
  ports.refuse = true;
  EXPECT_EQ(create(prog, 2), -ENOMEM);
  EXPECT_TRUE(local.door.links().empty());
  ports.refuse = false;
  const long link = create(prog, 2);
  ASSERT_GE(link, 0) << "the port is free: " << local.client.last_error;
  ports.refuse = true;
  EXPECT_EQ(update(link, next), -ENOMEM);
  EXPECT_EQ(info_of(link).prog_id, id_of(prog));
}

TEST_F(Links, InfoLeavesAloneWhatTheTypeDoesNotSay) {
  const long link = create(load(), 2);
  const auto info = info_of(link, 0x55);
  EXPECT_EQ(info.id, id_of(link));
  EXPECT_EQ(info.xdp.ifindex, 2U);
  EXPECT_EQ(reinterpret_cast<const unsigned char*>(&info)[sizeof info - 1], 0x55);
}

TEST_F(Links, IdsAreWalkedAndOpened) {
  const long prog = load();
  const long first = create(prog, 2), second = create(prog, 3);
  bpf_attr attr = make_attr();
  ASSERT_EQ(local.call(bpf::BPF_LINK_GET_NEXT_ID, attr), 0);
  EXPECT_EQ(attr.next_id, id_of(first));
  attr = make_attr();
  attr.start_id = id_of(first);
  ASSERT_EQ(local.call(bpf::BPF_LINK_GET_NEXT_ID, attr), 0);
  EXPECT_EQ(attr.next_id, id_of(second));
  attr = make_attr();
  attr.link_id = id_of(second);
  const long again = local.call(bpf::BPF_LINK_GET_FD_BY_ID, attr);
  ASSERT_GE(again, 0);
  local.client.close(int(second));
  EXPECT_EQ(ports.programs.size(), 2U) << "the descriptor by id holds it";
  local.client.close(int(again));
  EXPECT_EQ(ports.programs.size(), 1U);
}

TEST_F(Links, ALinkThatOutlivesItsDoorLeavesThePortsAlone) {
  auto client = std::make_unique<control::LocalClient>();
  {
    Local other(ports.config());
    const auto insns = code({mov64_imm(R0, 2), exit_insn()});
    const long prog = other.load(insns);
    auto handle = other.door.attach(2, bpf::BPF_XDP, other.door.programs().front());
    ASSERT_TRUE(handle.ok()) << handle.error().what();
    client->install(handle->object(), {});
    EXPECT_GE(prog, 0);
  }
  const int changes = ports.changes;
  client.reset();
  EXPECT_EQ(ports.changes, changes);
}

TEST_F(Links, RunTimeIsTakenWhileADescriptorOfEnableStatsIsOpen) {
  bpf_attr attr = make_attr();
  const long one = local.call(bpf::BPF_ENABLE_STATS, attr);
  const long two = local.call(bpf::BPF_ENABLE_STATS, attr);
  ASSERT_GE(one, 0);
  EXPECT_TRUE(ports.timed);
  local.client.close(int(one));
  EXPECT_TRUE(ports.timed);
  local.client.close(int(two));
  EXPECT_FALSE(ports.timed);
  EXPECT_EQ(pin(local.call(bpf::BPF_ENABLE_STATS, attr), "/sys/fs/bpf/stats"), -EINVAL);
}

TEST_F(Links, RowsHaveBpftoolsKeys) {
  const long prog = load();
  const long link = create(prog, 2);
  ASSERT_EQ(pin(link, "/sys/fs/bpf/l"), 0);
  const auto row = control::link_row(local.door, *local.door.links().front());
  EXPECT_EQ(row.dump(), R"({"id":1,"type":"xdp","prog_id":1,"devname":"port2","ifindex":2,)"
                        R"("pinned":["/run/sluice/bpf/l"]})");
  detach(link);
  EXPECT_EQ(control::link_row(local.door, *local.door.links().front())["devname"], "(unknown)");
}

}  // namespace
}  // namespace control_test
