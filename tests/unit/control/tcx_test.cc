// SPDX-License-Identifier: Apache-2.0
// tcx hooks on ports that only write down what happens to them. What the host kernel answers to the same, at random:
// tests/oracle/mprog_oracle.cc.
#include <gtest/gtest.h>

#include "bpf/abi/flags.h"
#include "control/mprog.h"
#include "control/show_links.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"
#include "tests/unit/control/fake_ports.h"

namespace control_test {
namespace {

using namespace support;
using control::TcHook;
using Ids = std::vector<u32>;

class Tcx : public testing::Test {
 protected:
  long load(u32 type = bpf::BPF_PROG_TYPE_SCHED_CLS) {
    const auto insns = code({mov64_imm(R0, 0), exit_insn()});
    bpf_attr attr = Local::load_attr(insns);
    attr.prog_type = type;
    attr.expected_attach_type = 0;
    const long fd = local.call(bpf::BPF_PROG_LOAD, attr);
    EXPECT_GE(fd, 0) << local.client.last_error;
    return fd;
  }
  u32 id_of(long fd) {
    auto target = local.client.find(int(fd));
    return target ? target->object->id() : 0;
  }
  long plain(u32 cmd, long prog, u32 flags = 0, long relative = 0, u32 type = bpf::BPF_TCX_INGRESS, u32 ifindex = 2) {
    bpf_attr attr = make_attr();
    attr.target_ifindex = ifindex;
    attr.attach_bpf_fd = u32(prog);
    attr.attach_type = type;
    attr.attach_flags = flags;
    attr.relative_fd = u32(relative);
    return local.call(cmd, attr);
  }
  long attach(long prog, u32 flags = 0, long relative = 0) {
    return plain(bpf::BPF_PROG_ATTACH, prog, flags, relative);
  }
  long create(long prog, u32 flags = 0, long relative = 0, u32 type = bpf::BPF_TCX_INGRESS, u32 ifindex = 2) {
    bpf_attr attr = make_attr();
    attr.link_create.prog_fd = u32(prog);
    attr.link_create.target_ifindex = ifindex;
    attr.link_create.attach_type = type;
    attr.link_create.flags = flags;
    attr.link_create.tcx.relative_fd = u32(relative);
    return local.call(bpf::BPF_LINK_CREATE, attr);
  }
  long update(long link, long next) {
    bpf_attr attr = make_attr();
    attr.link_update.link_fd = u32(link);
    attr.link_update.new_prog_fd = u32(next);
    return local.call(bpf::BPF_LINK_UPDATE, attr);
  }
  bpf_attr query(u32 room, u32* ids, u32* links = nullptr, long answer = 0) {
    bpf_attr attr = make_attr();
    attr.query.target_ifindex = 2;
    attr.query.attach_type = bpf::BPF_TCX_INGRESS;
    attr.query.count = room;
    attr.query.prog_ids = address(ids);
    attr.query.link_ids = links ? address(links) : 0;
    EXPECT_EQ(local.call(bpf::BPF_PROG_QUERY, attr), answer);
    return attr;
  }
  const Ids& chain(TcHook hook = TcHook::tcx_ingress) { return ports.chains[{2, hook}]; }

  FakePorts ports;
  Local local{ports.config()};
};

TEST_F(Tcx, ProgramsStandInTheOrderThatWasAskedFor) {
  const long a = load(), b = load(), c = load(), d = load();
  EXPECT_EQ(attach(a), 0);
  const long link = create(b);
  ASSERT_GE(link, 0) << local.client.last_error;
  EXPECT_EQ(attach(c, bpf::BPF_F_BEFORE, a), 0);
  EXPECT_EQ(chain(), (Ids{id_of(c), id_of(a), id_of(b)}));
  EXPECT_EQ(attach(d, u32{bpf::BPF_F_BEFORE} | bpf::BPF_F_LINK, link), 0);
  EXPECT_EQ(chain(), (Ids{id_of(c), id_of(a), id_of(d), id_of(b)}));
  u32 ids[4] = {}, links[4] = {9, 9, 9, 9};
  const auto seen = query(4, ids, links);
  EXPECT_EQ(seen.query.count, 4U);
  EXPECT_EQ(seen.query.revision, 5U);
  EXPECT_EQ(Ids(ids, ids + 4), chain());
  EXPECT_EQ(Ids(links, links + 4), (Ids{0, 0, 0, id_of(link)}));
  query(2, ids, nullptr, -ENOSPC);
  EXPECT_EQ(plain(bpf::BPF_PROG_DETACH, 0), -EBUSY) << "the last one is a link's";
  EXPECT_EQ(plain(bpf::BPF_PROG_DETACH, 0, bpf::BPF_F_BEFORE), 0) << "the first one";
  EXPECT_EQ(chain(), (Ids{id_of(a), id_of(d), id_of(b)}));
}

TEST_F(Tcx, BothDirectionsOfAPortAreHooksOfTheirOwn) {
  const long a = load(), b = load();
  ASSERT_GE(create(a), 0);
  ASSERT_GE(create(a, 0, 0, bpf::BPF_TCX_EGRESS), 0);
  ASSERT_GE(create(b, 0, 0, bpf::BPF_TCX_EGRESS, 3), 0);
  EXPECT_EQ(chain(), (Ids{id_of(a)}));
  EXPECT_EQ(chain(TcHook::tcx_egress), (Ids{id_of(a)}));
  EXPECT_EQ((ports.chains[{3, TcHook::tcx_egress}]), (Ids{id_of(b)}));
  EXPECT_EQ(create(b, 0, 0, bpf::BPF_TCX_INGRESS, 9), -ENODEV);
  EXPECT_EQ(create(load(bpf::BPF_PROG_TYPE_SCHED_ACT)), -EINVAL);
}

TEST_F(Tcx, WhatIsAttachedWithoutALinkOutlivesItsDescriptors) {
  const long prog = load();
  ASSERT_EQ(attach(prog), 0);
  const u32 id = id_of(prog);
  local.client.close(int(prog));
  EXPECT_EQ(chain(), Ids{id});
  EXPECT_EQ(local.door.programs().size(), 1U);
  EXPECT_EQ(plain(bpf::BPF_PROG_DETACH, 0), 0);
  EXPECT_EQ(chain(), Ids{});
  EXPECT_TRUE(local.door.programs().empty());
  EXPECT_EQ(plain(bpf::BPF_PROG_DETACH, 0), -ENOENT);
}

TEST_F(Tcx, ALinkHoldsItsPlaceUntilItIsClosedOrDetached) {
  const long a = load(), b = load(), c = load();
  const long first = create(a), second = create(b);
  EXPECT_EQ(update(first, b), -EEXIST);
  EXPECT_EQ(update(first, c), 0);
  EXPECT_EQ(chain(), (Ids{id_of(c), id_of(b)}));
  const int changes = ports.changes;
  EXPECT_EQ(update(first, c), 0);
  EXPECT_EQ(ports.changes, changes) << "the same program is not put in place again";
  local.client.close(int(second));
  EXPECT_EQ(chain(), (Ids{id_of(c)}));
  bpf_attr attr = make_attr();
  attr.link_detach.link_fd = u32(first);
  EXPECT_EQ(local.call(bpf::BPF_LINK_DETACH, attr), 0);
  EXPECT_EQ(chain(), Ids{});
  EXPECT_EQ(update(first, a), -ENOLINK);
  ASSERT_EQ(attach(c), 0);
  local.client.close(int(first));
  EXPECT_EQ(chain(), (Ids{id_of(c)})) << "the dead link took another's program away";
}

TEST_F(Tcx, WhatAPortRefusesHasNotHappened) {
  const long a = load(), b = load();
  ports.refuse = true;
  EXPECT_EQ(create(a), -ENOMEM);
  EXPECT_EQ(attach(a), -ENOMEM);
  EXPECT_TRUE(local.door.links().empty());
  ports.refuse = false;
  u32 ids[4];
  EXPECT_EQ(query(4, ids).query.revision, 1U);
  const long link = create(a);
  ASSERT_GE(link, 0);
  ports.refuse = true;
  EXPECT_EQ(update(link, b), -ENOMEM);
  EXPECT_EQ(query(4, ids).query.revision, 2U);
  EXPECT_EQ(ids[0], id_of(a));
}

TEST_F(Tcx, AHookHasNoRoomForMoreThan64) {
  for (std::size_t i = 0; i < control::kMprogMax; ++i) {
    const long prog = load();
    ASSERT_EQ(attach(prog), 0) << i;
    local.client.close(int(prog));
  }
  const long more = load();
  EXPECT_EQ(attach(more), -ERANGE);
  EXPECT_EQ(create(more, bpf::BPF_F_BEFORE), -ERANGE);
  EXPECT_EQ(chain().size(), control::kMprogMax);
}

TEST_F(Tcx, LinksThatOutliveTheirDoorLeaveThePortsAlone) {
  auto client = std::make_unique<control::LocalClient>();
  {
    Local other(ports.config());
    const auto insns = code({mov64_imm(R0, 0), exit_insn()});
    bpf_attr attr = Local::load_attr(insns);
    attr.prog_type = bpf::BPF_PROG_TYPE_SCHED_CLS;
    attr.expected_attach_type = 0;
    ASSERT_GE(other.call(bpf::BPF_PROG_LOAD, attr), 0);
    auto handle = other.door.attach(2, bpf::BPF_TCX_EGRESS, other.door.programs().front());
    ASSERT_TRUE(handle.ok()) << handle.error().what();
    client->install(handle->object(), {});
  }
  const int changes = ports.changes;
  client.reset();
  EXPECT_EQ(ports.changes, changes);
}

TEST_F(Tcx, InfoAndRowsSayWhereALinkIs) {
  const long link = create(load(), 0, 0, bpf::BPF_TCX_EGRESS);
  bpf::bpf_link_info info{};
  bpf_attr attr = make_attr();
  attr.info.bpf_fd = u32(link);
  attr.info.info = address(&info);
  attr.info.info_len = sizeof info;
  ASSERT_EQ(local.call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr), 0);
  EXPECT_EQ(info.type, bpf::BPF_LINK_TYPE_TCX);
  EXPECT_EQ(info.tcx.ifindex, 2U);
  EXPECT_EQ(info.tcx.attach_type, bpf::BPF_TCX_EGRESS);
  EXPECT_EQ(control::link_row(local.door, *local.door.links().front()).dump(),
            R"({"id":1,"type":"tcx","prog_id":1,"devname":"port2","ifindex":2,"attach_type":"tcx_egress"})");
}

}  // namespace
}  // namespace control_test
