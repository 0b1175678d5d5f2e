// SPDX-License-Identifier: Apache-2.0
// Maps whose memory clients may map: the handle is the memory, freezing seals it; and values that name foreign objects.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bpf/abi/flags.h"
#include "control/door_server.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using control::Access;
using control::FdKind;
using control::WireClient;

// A door with a wire client, its messages made by hand.
struct Wired {
  Local local;
  WireClient client{0, {}};

  std::shared_ptr<control::Object> array(u32 flags) {
    const long fd = local.make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, 512, flags);
    EXPECT_GE(fd, 0) << local.client.last_error;
    return local.client.find(int(fd))->object;
  }
  base::UniqueFd handle(const std::shared_ptr<control::Object>& object, Access access = {}) {
    EXPECT_EQ(client.install(object, access), 0);
    return client.take_pending();
  }
  // What the server makes of a descriptor that came with a message.
  base::Result<control::Target> receive(int fd) {
    const int number = 7;
    base::UniqueFd sent[1] = {base::UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0))};
    client.begin({&number, 1}, sent);
    return client.find(7);
  }
};

void* map_handle(int fd, int protection) {
  return mmap(nullptr, 4096, protection, MAP_SHARED, fd, 0);
}

TEST(MapMemory, TheHandleOfAMappableArrayIsItsMemory) {
  Wired wired;
  const auto array = wired.array(bpf::BPF_F_MMAPABLE);
  const base::UniqueFd fd = wired.handle(array);
  auto* words = static_cast<u64*>(map_handle(fd.get(), PROT_READ | PROT_WRITE));
  ASSERT_NE(words, MAP_FAILED);
  words[5] = 42;
  auto& map = static_cast<control::Map&>(*array);
  const u32 five = 5;
  u64 value = 0;
  EXPECT_EQ(
      map.ops().lookup(map.live(), std::as_bytes(std::span(&five, 1)), std::as_writable_bytes(std::span(&value, 1)), 0),
      0);
  EXPECT_EQ(value, 42U);
  char name[64] = {};
  EXPECT_GT(readlink(("/proc/self/fd/" + std::to_string(fd.get())).c_str(), name, sizeof name - 1), 0);
  EXPECT_NE(std::strstr(name, "bpf-map"), nullptr) << "what bpftool looks for";
  EXPECT_NE(ftruncate(fd.get(), 0), 0) << "a client must not take pages from under a worker";
  munmap(words, 4096);
}

TEST(MapMemory, TwoHandlesOfOneMapAreOneRowAndLiveAsLongAsAMapping) {
  Wired wired;
  const auto array = wired.array(bpf::BPF_F_MMAPABLE);
  base::UniqueFd first = wired.handle(array), second = wired.handle(array);
  EXPECT_EQ(wired.receive(first.get())->object, array);
  EXPECT_EQ(wired.receive(second.get())->object, array);
  void* mapped = map_handle(second.get(), PROT_READ);
  ASSERT_NE(mapped, MAP_FAILED);
  first.reset();
  second.reset();
  EXPECT_EQ(wired.client.sweep(), 1U) << "a mapping is a hold";
  munmap(mapped, 4096);
  EXPECT_EQ(wired.client.sweep(), 0U);
}

TEST(MapMemory, AReadOnlyHandleMapsForReadingOnly) {
  Wired wired;
  const auto array = wired.array(bpf::BPF_F_MMAPABLE);
  const base::UniqueFd both = wired.handle(array), reader = wired.handle(array, {true, false});
  EXPECT_EQ(map_handle(reader.get(), PROT_READ | PROT_WRITE), MAP_FAILED);
  void* mapped = map_handle(reader.get(), PROT_READ);
  EXPECT_NE(mapped, MAP_FAILED);
  munmap(mapped, 4096);
  EXPECT_FALSE(wired.receive(reader.get())->access.write);
  EXPECT_TRUE(wired.receive(both.get())->access.write);
}

TEST(MapMemory, OtherMapsHaveHandlesWithNothingInThem) {
  Wired wired;
  const base::UniqueFd fd = wired.handle(wired.array(0));
  EXPECT_EQ(lseek(fd.get(), 0, SEEK_END), 0);
}

TEST(Freeze, MemoryThatProgramsOnlyReadIsConstantAfterwards) {
  Wired wired;
  const auto array = wired.array(bpf::BPF_F_MMAPABLE | bpf::BPF_F_RDONLY_PROG);
  auto& map = static_cast<control::Map&>(*array);
  const base::UniqueFd fd = wired.handle(array);
  auto* words = static_cast<u64*>(map_handle(fd.get(), PROT_READ | PROT_WRITE));
  ASSERT_NE(words, MAP_FAILED);
  words[0] = 7;
  EXPECT_EQ(map.ops().freeze(map.live()).error().code(), EBUSY) << "as Linux: somebody could still write";
  const u32 zero = 0;
  const u64 eight = 8;
  EXPECT_EQ(map.ops().update(map.live(), std::as_bytes(std::span(&zero, 1)), std::as_bytes(std::span(&eight, 1)), 0), 0)
      << "a freeze that failed changes nothing";
  EXPECT_EQ(words[0], 8U);
  munmap(words, 4096);
  EXPECT_TRUE(map.ops().freeze(map.live()).ok());
  EXPECT_EQ(map_handle(fd.get(), PROT_READ | PROT_WRITE), MAP_FAILED);
  auto* seen = static_cast<u64*>(map_handle(fd.get(), PROT_READ));
  ASSERT_NE(seen, MAP_FAILED);
  EXPECT_EQ(seen[0], 8U);
  munmap(seen, 4096);
}

TEST(Freeze, MemoryThatProgramsWriteIsClosedToNewWriters) {
  Wired wired;
  const auto array = wired.array(bpf::BPF_F_MMAPABLE);
  auto& map = static_cast<control::Map&>(*array);
  const base::UniqueFd fd = wired.handle(array);
  EXPECT_TRUE(map.ops().freeze(map.live()).ok());
  EXPECT_EQ(map_handle(fd.get(), PROT_READ | PROT_WRITE), MAP_FAILED);
  bpf_env env{};
  const u32 zero = 0;
  auto* value = static_cast<u64*>(map.head()->runtime->lookup(&env, map.head(), map.head()->shape, &zero));
  *value = 9;
  auto* seen = static_cast<u64*>(map_handle(fd.get(), PROT_READ));
  ASSERT_NE(seen, MAP_FAILED);
  EXPECT_EQ(seen[0], 9U) << "programs go on writing";
  munmap(seen, 4096);
}

TEST(MapValues, WhatBelongsToTheKernelIsRefusedInWords) {
  Wired wired;
  const base::UniqueFd udp(socket(AF_INET, SOCK_DGRAM, 0)), null(open("/dev/null", O_RDONLY));
  base::UniqueFd sent[2] = {base::UniqueFd(fcntl(udp.get(), F_DUPFD_CLOEXEC, 0)),
                            base::UniqueFd(fcntl(null.get(), F_DUPFD_CLOEXEC, 0))};
  const int numbers[2] = {5, 6};
  const auto update = [&](u32 type, u32 value_size, int value_fd) {
    const long fd = wired.local.make_map(type, 4, value_size, 4);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(wired.client.install(wired.local.client.find(int(fd))->object, {}), 0);
    base::UniqueFd handle = wired.client.take_pending();
    base::UniqueFd all[3] = {base::UniqueFd(fcntl(udp.get(), F_DUPFD_CLOEXEC, 0)),
                             base::UniqueFd(fcntl(null.get(), F_DUPFD_CLOEXEC, 0)), std::move(handle)};
    const int names[3] = {5, 6, 9};
    wired.client.begin(names, all);
    const u32 key = 0;
    const u64 value = u32(value_fd);
    bpf_attr attr = make_attr();
    attr.map_fd = 9;
    attr.key = address(&key);
    attr.value = address(&value);
    return wired.local.door.bpf_command(wired.client, bpf::BPF_MAP_UPDATE_ELEM, &attr, sizeof attr);
  };
  wired.client.begin(numbers, sent);
  EXPECT_EQ(wired.client.kind_of(5), FdKind::socket);
  EXPECT_EQ(wired.client.kind_of(6), FdKind::other);
  EXPECT_EQ(wired.client.kind_of(8), FdKind::closed);
  for (u32 type : {bpf::BPF_MAP_TYPE_SOCKMAP, bpf::BPF_MAP_TYPE_SOCKHASH, bpf::BPF_MAP_TYPE_XSKMAP}) {
    EXPECT_EQ(update(type, 4, 5), -EOPNOTSUPP);
    EXPECT_EQ(update(type, 4, 6), -ENOTSOCK);
    EXPECT_EQ(update(type, 4, 8), -EBADF);
  }
  EXPECT_EQ(update(bpf::BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 8, 5), -EINVAL);
  EXPECT_EQ(update(bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 6), -EBADF);
  EXPECT_EQ(update(bpf::BPF_MAP_TYPE_CGROUP_ARRAY, 4, 6), -EBADF);
}

TEST(MapValues, KeysAndValuesThatAreNotThereAnswerAsLinux) {
  Local local;
  const u64 value = 1;
  const u32 key = 0;
  for (u32 type : {bpf::BPF_MAP_TYPE_QUEUE, bpf::BPF_MAP_TYPE_STACK}) {
    const long fd = local.make_map(type, 0, 8, 2);
    ASSERT_GE(fd, 0);
    u64 out = 0;
    EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, fd, nullptr, nullptr), -ENOENT);
    EXPECT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, fd, &key, &value), -EINVAL);
    EXPECT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, fd, nullptr, nullptr), -EFAULT);
    EXPECT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, fd, nullptr, &value), 0);
    EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, fd, nullptr, nullptr), -EFAULT);
    EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, nullptr, &out), 0);
    EXPECT_EQ(out, 1U);
  }
  const long ring = local.make_map(bpf::BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
  EXPECT_EQ(local.element(bpf::BPF_MAP_UPDATE_ELEM, ring, nullptr, nullptr), -524);
  EXPECT_EQ(local.element(bpf::BPF_MAP_LOOKUP_ELEM, ring, nullptr, nullptr), -524);
}

}  // namespace
}  // namespace control_test
