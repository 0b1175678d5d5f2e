// SPDX-License-Identifier: Apache-2.0
#include "control/door.h"

#include <gtest/gtest.h>

#include "base/reclaim.h"
#include "bpf/abi/flags.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using namespace support;

const auto kPass = code({mov64_imm(R0, 2), exit_insn()});

TEST(Door, AMapKeepsWhatIsPutIn) {
  Local local;
  const long fd = local.make_map(bpf::BPF_MAP_TYPE_HASH, 4, 8, 16);
  ASSERT_GE(fd, 0) << local.client.last_error;
  const u32 key = 7;
  u64 value = 42;
  EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, fd, &key, &value), -ENOENT);
  ASSERT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, fd, &key, &value, bpf::BPF_NOEXIST), 0);
  EXPECT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, fd, &key, &value, bpf::BPF_NOEXIST), -EEXIST);
  value = 0;
  ASSERT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, fd, &key, &value), 0);
  EXPECT_EQ(value, 42U);
  EXPECT_EQ(local.element(bpf::BPF_MAP_DELETE_ELEM, fd, &key, nullptr), 0);
  EXPECT_EQ(local.element(bpf::BPF_MAP_DELETE_ELEM, fd, &key, nullptr), -ENOENT);
}

TEST(Door, KeysComeOneAfterTheOtherAndThenEnoent) {
  Local local;
  const long fd = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 4, 3);
  ASSERT_GE(fd, 0);
  u32 key = 0, count = 0;
  const u32* at = nullptr;
  while (local.element(bpf::BPF_MAP_GET_NEXT_KEY, fd, at, &key) == 0) {
    at = &key;
    ++count;
  }
  EXPECT_EQ(count, 3U);
}

TEST(Door, AFrozenMapIsReadOnlyForCommandsAndCanBeFrozenOnce) {
  Local local;
  const long fd = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 4, 1);
  bpf_attr attr = make_attr();
  attr.map_fd = u32(fd);
  EXPECT_EQ(local.call(bpf::BPF_MAP_FREEZE, attr), 0);
  EXPECT_EQ(local.call(bpf::BPF_MAP_FREEZE, attr), -EPERM);
  const u32 zero = 0;
  u32 value = 1;
  EXPECT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, fd, &zero, &value), -EPERM);
  EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, fd, &zero, &value), 0);
}

TEST(Door, AHandleIsReadOnlyOrWriteOnlyAsItWasAskedFor) {
  Local local;
  const u32 zero = 0;
  u32 value = 1;
  const long reader = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 4, 1, bpf::BPF_F_RDONLY);
  EXPECT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, reader, &zero, &value), -EPERM);
  const long writer = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 4, 1, bpf::BPF_F_WRONLY);
  EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, writer, &zero, &value), -EPERM);
  EXPECT_EQ(local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 4, 1, bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY), -EINVAL);
}

TEST(Door, DescriptorsOfOtherKindsAndClosedOnesAreToldApart) {
  Local local;
  const long prog = local.load(kPass);
  ASSERT_GE(prog, 0) << local.client.last_error;
  const u32 zero = 0;
  u32 value;
  EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, prog, &zero, &value), -EINVAL);
  EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, 999, &zero, &value), -EBADF);
}

TEST(Door, IdsAscendAndEndWhenTheirObjectsDo) {
  Local local;
  std::vector<long> fds;
  for (int i = 0; i < 5; ++i) fds.push_back(local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 4, 1));
  local.client.close(int(fds[2]));
  bpf_attr attr = make_attr();
  std::vector<u32> ids;
  while (local.call(bpf::BPF_MAP_GET_NEXT_ID, attr) == 0) {
    ids.push_back(attr.next_id);
    attr = make_attr();
    attr.start_id = ids.back();
  }
  EXPECT_EQ(ids, (std::vector<u32>{1, 2, 4, 5}));
  bpf_attr by_id = make_attr();
  by_id.map_id = 3;
  EXPECT_EQ(local.call(bpf::BPF_MAP_GET_FD_BY_ID, by_id), -ENOENT);
  by_id.map_id = 4;
  EXPECT_GE(local.call(bpf::BPF_MAP_GET_FD_BY_ID, by_id), 0);
}

TEST(Door, AProgramKeepsItsMapsAlive) {
  Local local;
  const long map = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, 1);
  const auto insns = code({ld_map(R1, u32(map)), mov64_imm(R0, 2), exit_insn()});
  const long prog = local.load(insns);
  ASSERT_GE(prog, 0) << local.client.last_error;
  local.client.close(int(map));
  EXPECT_EQ(local.door.maps().size(), 1U);
  local.client.close(int(prog));
  EXPECT_TRUE(local.door.maps().empty());
  EXPECT_TRUE(local.door.programs().empty());
}

TEST(Door, AProgramInItsOwnProgArrayDoesNotLiveForever) {
  Local local;
  const long map = local.make_map(bpf::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1);
  const auto insns = code({ld_map(R2, u32(map)), mov64_imm(R3, 0), call_helper(12), mov64_imm(R0, 2), exit_insn()});
  const long prog = local.load(insns);
  ASSERT_GE(prog, 0) << local.client.last_error;
  const u32 zero = 0;
  const u32 fd = u32(prog);
  ASSERT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, map, &zero, &fd), 0) << local.client.last_error;
  u32 id = 0;
  ASSERT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, map, &zero, &id), 0);
  EXPECT_EQ(id, local.door.programs().front()->id());
  local.client.close(int(prog));
  EXPECT_EQ(local.door.programs().size(), 1U);
  local.client.close(int(map));
  base::Reclaim::process().poll();  // slots let go after a grace period
  EXPECT_TRUE(local.door.programs().empty());
  EXPECT_TRUE(local.door.maps().empty());
}

TEST(Door, PinsLiveBelowTheRootOrBpffsAndNowhereElse) {
  Local local;
  const long map = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 4, 1);
  const auto pin = [&](const char* path) {
    bpf_attr attr = make_attr();
    attr.pathname = address(path);
    attr.bpf_fd = u32(map);
    return local.call(bpf::BPF_OBJ_PIN, attr);
  };
  EXPECT_EQ(pin("/sys/fs/bpf/a"), 0);
  EXPECT_EQ(pin("/sys/fs/bpf/a"), -EEXIST);
  EXPECT_EQ(pin("/run/sluice/bpf/a"), -EEXIST);  // the same place
  EXPECT_EQ(pin("/tmp/a"), -EPERM);
  EXPECT_EQ(pin("/sys/fs/bpf/../../../etc/a"), -EPERM);
  EXPECT_EQ(pin("/sys/fs/bpf/a.b"), -EPERM);
  local.client.close(int(map));
  bpf_attr get = make_attr();
  get.pathname = address("/run/sluice/bpf/a");
  EXPECT_GE(local.call(bpf::BPF_OBJ_GET, get), 0);
  get.pathname = address("/run/sluice/bpf/b");
  EXPECT_EQ(local.call(bpf::BPF_OBJ_GET, get), -ENOENT);
}

TEST(Door, InfoIsCutToTheCallersLengthAndCountsAreTrue) {
  Local local;
  const long map = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, 1);
  const auto insns = code({ld_map(R1, u32(map)), mov64_imm(R0, 2), exit_insn()});
  const long prog = local.load(insns);
  bpf::bpf_prog_info info{};
  u32 ids[4] = {};
  info.map_ids = address(ids);
  info.nr_map_ids = 4;
  bpf_attr attr = make_attr();
  attr.info.bpf_fd = u32(prog);
  attr.info.info = address(&info);
  attr.info.info_len = sizeof info;
  ASSERT_EQ(local.call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr), 0) << local.client.last_error;
  EXPECT_EQ(info.type, bpf::BPF_PROG_TYPE_XDP);
  EXPECT_EQ(info.nr_map_ids, 1U);
  EXPECT_EQ(ids[0], local.door.maps().front()->id());
  EXPECT_EQ(info.xlated_prog_len, insns.size() * 8);
  EXPECT_GT(info.jited_prog_len, 0U);
  bpf::bpf_prog_info tiny{};
  attr.info.info = address(&tiny);
  attr.info.info_len = 8;
  ASSERT_EQ(local.call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr), 0);
  EXPECT_EQ(attr.info.info_len, 8U);
  EXPECT_EQ(tiny.id, info.id);
  EXPECT_EQ(tiny.tag[0], 0);  // behind the eight bytes
}

TEST(Door, WithoutPrivilegeNothingIsMadeAndIdsAreNotWalked) {
  Local local;
  control::LocalClient nobody(65534, bpf::kNoCapabilities);
  bpf_attr map = make_attr();
  map.map_type = bpf::BPF_MAP_TYPE_ARRAY;
  map.key_size = map.value_size = 4;
  map.max_entries = 1;
  EXPECT_EQ(local.door.bpf_command(nobody, bpf::BPF_MAP_CREATE, &map, sizeof map), -EPERM);
  bpf_attr prog = Local::load_attr(kPass);
  EXPECT_EQ(local.door.bpf_command(nobody, bpf::BPF_PROG_LOAD, &prog, sizeof prog), -EPERM);
  bpf_attr walk = make_attr();
  EXPECT_EQ(local.door.bpf_command(nobody, bpf::BPF_PROG_GET_NEXT_ID, &walk, sizeof walk), -EPERM);
}

TEST(Door, PlannedThingsAnswerInWords) {
  Local local;
  EXPECT_EQ(local.make_map(bpf::BPF_MAP_TYPE_ARENA, 0, 0, 4), -EOPNOTSUPP);
  EXPECT_NE(local.client.last_error.find("planned"), std::string::npos);
  EXPECT_EQ(local.make_map(12345, 4, 4, 1), -EINVAL);
  bpf_attr attr = make_attr();
  attr.link_create.prog_fd = u32(local.load(kPass));
  attr.link_create.attach_type = bpf::BPF_TCX_INGRESS;
  EXPECT_EQ(local.call(bpf::BPF_LINK_CREATE, attr), -EINVAL);
  EXPECT_EQ(local.call(1000, attr), -EINVAL);
}

TEST(Door, MapsCannotTakeMoreMemoryThanTheirBudget) {
  control::DoorConfig config;
  config.limits.maps_memory_bytes_max = 1 << 20;
  Local local(std::move(config));
  EXPECT_GE(local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 1024, 512), 0);
  EXPECT_EQ(local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 1024, 1024), -ENOMEM);
  EXPECT_NE(local.client.last_error.find("allowed"), std::string::npos);
  EXPECT_EQ(local.door.maps().size(), 1U);
}

}  // namespace
}  // namespace control_test
