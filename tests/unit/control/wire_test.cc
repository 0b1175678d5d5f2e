// SPDX-License-Identifier: Apache-2.0
// The door behind a socket: a client process's view of it, handles as descriptors, and hostile messages.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <map>
#include <random>
#include <thread>

#include "base/percpu.h"
#include "bpf/abi/flags.h"
#include "bpf/load/client.h"
#include "control/door_server.h"
#include "tests/support/insn.h"
#include "tests/support/slice.h"
#include "tests/unit/control/bpf_calls.h"
#include "tests/unit/control/fake_ports.h"

#ifndef __has_feature
#define __has_feature(x) 0
#endif

namespace control_test {
namespace {

using namespace support;
using bpf::load::Channel;

// A server thread on one end; the test is the client on the other.
class Wire : public testing::Test {
 protected:
  Wire() : server_(door_, 0, {}) {
    auto ends = bpf::load::make_channel_pair();
    server_end_ = Channel(std::move(ends->first));
    client_end_ = Channel(std::move(ends->second));
    thread_ = std::thread([this] { serve(); });
  }
  ~Wire() override {
    client_end_ = Channel();
    if (thread_.joinable()) thread_.join();
  }

  void serve() {
    for (;;) {
      auto message = server_end_.receive(10'000);
      if (!message || !server_.serve(server_end_, *message)) return;
    }
  }

  long call(u32 cmd, bpf_attr& attr) { return client_.call(cmd, &attr, sizeof attr); }
  long make_map(u32 type, u32 key, u32 value, u32 entries) {
    bpf_attr attr = make_attr();
    attr.map_type = type;
    attr.key_size = key;
    attr.value_size = value;
    attr.max_entries = entries;
    return call(bpf::BPF_MAP_CREATE, attr);
  }
  long element(u32 cmd, long fd, const void* key, const void* value) {
    bpf_attr attr = make_attr();
    attr.map_fd = u32(fd);
    attr.key = address(key);
    attr.value = address(value);
    return call(cmd, attr);
  }
  control::DoorConfig door_config() {
    control::DoorConfig config;
    config.ports = &ports_;
    config.devices = &ports_;
    return config;
  }
  // The id of the first map with an id above `id`; 0: none.
  u32 next_map(u32 id) {
    bpf_attr attr = make_attr();
    attr.start_id = id;
    return call(bpf::BPF_MAP_GET_NEXT_ID, attr) == 0 ? attr.next_id : 0;
  }

  FakePorts ports_;
  control::Door door_{door_config()};
  control::DoorServer server_;
  Channel server_end_;
  Channel client_end_;
  bpf::load::DoorClient client_{client_end_, base::possible_cpu_count()};
  std::thread thread_;
};

std::string name_of(long fd) {
  char name[64] = {};
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return readlink(path.c_str(), name, sizeof name - 1) > 0 ? name : "";
}

TEST_F(Wire, AHandleIsADescriptorWithTheNameThatToolsLookFor) {
  const long map = make_map(bpf::BPF_MAP_TYPE_HASH, 4, 8, 8);
  ASSERT_GE(map, 0);
  EXPECT_NE(name_of(map).find("bpf-map"), std::string::npos);
  const auto insns = code({mov64_imm(R0, 2), exit_insn()});
  bpf_attr load = Local::load_attr(insns);
  const long prog = call(bpf::BPF_PROG_LOAD, load);
  ASSERT_GE(prog, 0);
  EXPECT_NE(name_of(prog).find("bpf-prog"), std::string::npos);
  close(int(map));
  close(int(prog));
}

TEST_F(Wire, CopiesOfADescriptorAreTheSameHandle) {
  const long map = make_map(bpf::BPF_MAP_TYPE_HASH, 4, 8, 8);
  const u32 key = 3;
  u64 value = 9;
  ASSERT_EQ(element(bpf::BPF_MAP_UPDATE_ELEM, map, &key, &value), 0);
  const int copy = dup(int(map));
  const int high = fcntl(int(map), F_DUPFD_CLOEXEC, 500);
  ASSERT_EQ(dup3(int(map), 600, O_CLOEXEC), 600);
  close(int(map));
  for (const int fd : {copy, high, 600}) {
    value = 0;
    EXPECT_EQ(element(bpf::BPF_MAP_LOOKUP_ELEM, fd, &key, &value), 0);
    EXPECT_EQ(value, 9U);
    EXPECT_NE(next_map(0), 0U);
    close(fd);
  }
  EXPECT_EQ(next_map(0), 0U) << "the map lives although its last descriptor is closed";
}

TEST_F(Wire, ALinkHoldsItsPortAsLongAsAnyCopyOfItsDescriptorIsOpen) {
  const auto insns = code({mov64_imm(R0, 2), exit_insn()});
  bpf_attr attr = Local::load_attr(insns);
  const long prog = call(bpf::BPF_PROG_LOAD, attr);
  attr = make_attr();
  attr.link_create.prog_fd = u32(prog);
  attr.link_create.target_ifindex = FakePorts::kFirst;
  attr.link_create.attach_type = bpf::BPF_XDP;
  const long link = call(bpf::BPF_LINK_CREATE, attr);
  ASSERT_GE(link, 0);
  EXPECT_NE(name_of(link).find("bpf_link"), std::string::npos);
  close(int(prog));
  const int copy = dup(int(link));
  close(int(link));
  attr = make_attr();
  EXPECT_EQ(call(bpf::BPF_LINK_GET_NEXT_ID, attr), 0);
  EXPECT_EQ(ports_.programs.size(), 1U);
  close(copy);
  attr = make_attr();
  EXPECT_EQ(call(bpf::BPF_LINK_GET_NEXT_ID, attr), -ENOENT);
  EXPECT_TRUE(ports_.programs.empty());
}

// The server once handed its own pointer on cut off where the client's attr ended, and followed what was left of it.
TEST_F(Wire, AnAttrThatEndsWithinAPointerIsAnAddressThatIsNotThere) {
#if __has_feature(address_sanitizer)
  GTEST_SKIP() << "the sanitizer stops a client that sends from such an address";
#endif
  const long map = make_map(bpf::BPF_MAP_TYPE_HASH, 4, 8, 8);
  ASSERT_GE(map, 0);
  bpf::bpf_map_info info{};
  for (u32 size = 1; size < sizeof(bpf_attr); ++size) {
    bpf_attr attr = make_attr();
    attr.info.bpf_fd = u32(map);
    attr.info.info_len = sizeof info;
    attr.info.info = address(&info);
    const long rc = client_.call(bpf::BPF_OBJ_GET_INFO_BY_FD, &attr, size);
    if (size > offsetof(bpf_attr, info.info) && size < offsetof(bpf_attr, info.info) + 6) {
      EXPECT_EQ(rc, -EFAULT) << size;
    }
  }
  close(int(map));
}

TEST_F(Wire, OtherFilesAreNoHandles) {
  const u32 key = 0;
  u64 value = 0;
  const base::UniqueFd foreign(memfd_create("bpf-map", 0));
  EXPECT_EQ(element(bpf::BPF_MAP_LOOKUP_ELEM, foreign.get(), &key, &value), -EINVAL);
  EXPECT_EQ(element(bpf::BPF_MAP_LOOKUP_ELEM, 0, &key, &value), -EINVAL);
  EXPECT_EQ(element(bpf::BPF_MAP_LOOKUP_ELEM, 12345, &key, &value), -EBADF);
}

TEST_F(Wire, AnAddressThatIsNotThereIsEfault) {
  const long map = make_map(bpf::BPF_MAP_TYPE_HASH, 4, 8, 8);
  EXPECT_EQ(element(bpf::BPF_MAP_UPDATE_ELEM, map, reinterpret_cast<void*>(8), reinterpret_cast<void*>(16)), -EFAULT);
  close(int(map));
}

// Of a batch's room only what was filled comes back; the rest of the caller's memory is left alone.
TEST_F(Wire, ABatchGoesAndComesThroughTheSocket) {
  const long map = make_map(bpf::BPF_MAP_TYPE_HASH, 4, 8, 64);
  u32 keys[20];
  u64 values[20];
  for (u32 n = 0; n < 20; ++n) {
    keys[n] = n;
    values[n] = n * 100;
  }
  bpf_attr attr = make_attr();
  attr.batch.keys = address(keys);
  attr.batch.values = address(values);
  attr.batch.count = 20;
  attr.batch.map_fd = u32(map);
  ASSERT_EQ(call(bpf::BPF_MAP_UPDATE_BATCH, attr), 0);
  std::map<u32, u64> seen;
  u32 token = 0;
  long rc = 0;
  for (bool first = true; rc == 0; first = false) {
    u32 found[7];
    u64 held[7];
    std::fill_n(found, 7, 0xdeadU);
    std::fill_n(held, 7, u64{0xdead});
    attr = make_attr();
    attr.batch.in_batch = first ? 0 : address(&token);
    attr.batch.out_batch = address(&token);
    attr.batch.keys = address(found);
    attr.batch.values = address(held);
    attr.batch.count = 7;
    attr.batch.map_fd = u32(map);
    rc = call(bpf::BPF_MAP_LOOKUP_AND_DELETE_BATCH, attr);
    ASSERT_TRUE(rc == 0 || rc == -ENOENT) << rc;
    for (u32 n = 0; n < 7; ++n) {
      if (n < attr.batch.count)
        seen[found[n]] = held[n];
      else
        EXPECT_TRUE(found[n] == 0xdead && held[n] == 0xdead) << n;
    }
  }
  ASSERT_EQ(seen.size(), 20U);
  for (const auto& [key, value] : seen) EXPECT_EQ(value, key * 100);
  const u32 key = 3;
  u64 value = 0;
  EXPECT_EQ(element(bpf::BPF_MAP_LOOKUP_ELEM, map, &key, &value), -ENOENT) << "taken";
  close(int(map));
}

// The inner maps' descriptors travel with the command.
TEST_F(Wire, AMapOfMapsTakesDescriptorsOneByOneAndInBatches) {
  const long inner = make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 8, 4);
  bpf_attr attr = make_attr();
  attr.map_type = bpf::BPF_MAP_TYPE_HASH_OF_MAPS;
  attr.key_size = 4;
  attr.value_size = 4;
  attr.max_entries = 8;
  attr.inner_map_fd = u32(inner);
  const long outer = call(bpf::BPF_MAP_CREATE, attr);
  ASSERT_GE(outer, 0);
  const u32 keys[] = {1, 2, 3};
  u32 fds[] = {u32(inner), u32(inner), u32(inner)};
  ASSERT_EQ(element(bpf::BPF_MAP_UPDATE_ELEM, outer, &keys[0], &fds[0]), 0);
  attr = make_attr();
  attr.batch.keys = address(keys);
  attr.batch.values = address(fds);
  attr.batch.count = 3;
  attr.batch.map_fd = u32(outer);
  EXPECT_EQ(call(bpf::BPF_MAP_UPDATE_BATCH, attr), 0);
  u32 id = 0;
  EXPECT_EQ(element(bpf::BPF_MAP_LOOKUP_ELEM, outer, &keys[2], &id), 0);
  EXPECT_EQ(id, next_map(0)) << "the inner map came first";
  close(int(outer));
  close(int(inner));
}

TEST_F(Wire, InfoArraysComeBackToTheAddressesTheCallerGave) {
  const auto insns = code({mov64_imm(R0, 2), exit_insn()});
  bpf_attr load = Local::load_attr(insns);
  const long prog = call(bpf::BPF_PROG_LOAD, load);
  bpf::bpf_insn dumped[8] = {};
  bpf::bpf_prog_info info{};
  info.xlated_prog_insns = address(dumped);
  info.xlated_prog_len = sizeof dumped;
  bpf_attr attr = make_attr();
  attr.info.bpf_fd = u32(prog);
  attr.info.info = address(&info);
  attr.info.info_len = sizeof info;
  ASSERT_EQ(call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr), 0);
  EXPECT_EQ(info.xlated_prog_insns, address(dumped));
  EXPECT_EQ(info.xlated_prog_len, 16U);
  EXPECT_EQ(dumped[0], insns[0]);
  // info_len that ends in the middle of a pointer
  attr.info.info_len = offsetof(bpf::bpf_prog_info, xlated_prog_insns) + 4;
  EXPECT_EQ(call(bpf::BPF_OBJ_GET_INFO_BY_FD, attr), 0);
  close(int(prog));
}

TEST_F(Wire, TheLogOfARefusedProgramComesBack) {
  const auto insns = code({mov64_reg(R0, R3), exit_insn()});
  std::vector<char> log(1 << 20, 'x');
  bpf_attr load = Local::load_attr(insns);
  load.log_level = 1;
  load.log_buf = address(log.data());
  load.log_size = u32(log.size());
  EXPECT_EQ(call(bpf::BPF_PROG_LOAD, load), -EACCES);
  const std::string text(log.data());
  EXPECT_NE(text.find("R3"), std::string::npos);
  EXPECT_EQ(load.log_true_size, text.size() + 1);
  EXPECT_EQ(log.back(), 'x') << "bytes behind the log were written";
}

TEST_F(Wire, AThousandHandlesClosedAtOnceLeaveNothing) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_cur < 3000) GTEST_SKIP() << "only " << limit.rlim_cur << " descriptors allowed";
  std::vector<int> fds;
  for (int i = 0; i < 1000; ++i) {
    const long fd = make_map(bpf::BPF_MAP_TYPE_ARRAY, 4, 4, 1);
    ASSERT_GE(fd, 0) << i;
    fds.push_back(int(fd));
  }
  EXPECT_EQ(next_map(999), 1000U);
  for (const int fd : fds) close(fd);
  EXPECT_EQ(next_map(0), 0U);
}

TEST_F(Wire, HostileMessagesEndTheConnectionOrAnswerButNeverHurt) {
  const auto seed = support::slice_seed();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  // A well-formed call to mutate: PROG_LOAD has the most parts.
  const auto insns = code({mov64_imm(R0, 2), exit_insn()});
  bpf_attr attr = Local::load_attr(insns);
  const bpf::load::CallHead head{bpf::BPF_PROG_LOAD, sizeof attr, 2, 0};
  const bpf::load::RangeHead ranges[] = {{offsetof(bpf_attr, insns), 16}, {offsetof(bpf_attr, license), 4}};
  std::vector<std::byte> good;
  const auto append = [&good](base::ConstBytes bytes) { good.insert(good.end(), bytes.begin(), bytes.end()); };
  append(bpf::load::bytes_of(head));
  append(bpf::load::bytes_of(attr));
  append(std::as_bytes(std::span(ranges)));
  append(std::as_bytes(std::span(insns)));
  append(std::as_bytes(std::span("GPL", 4)));
  // What gets as far as the builder is refused there: this is about the way to it.
  control::DoorConfig config;
  config.build = [](const bpf::builder::BuildRequest&) -> base::Result<bpf::builder::BuildReply> {
    bpf::builder::BuildReply reply;
    reply.verdict.error = EACCES;
    return reply;
  };
  control::Door door(std::move(config));
  control::DoorServer server(door, 0, {});
  auto ends = bpf::load::make_channel_pair();
  Channel channel(std::move(ends->first)), peer(std::move(ends->second));
  int answered = 0, dropped = 0;
  for (int round = 0; round < 20'000; ++round) {
    bpf::load::Message message{bpf::load::MessageKind::call, good, {}};
    const int flips = 1 + int(random() % 4);
    for (int i = 0; i < flips; ++i) message.body[random() % message.body.size()] = std::byte(random());
    if (random() % 8 == 0) message.body.resize(random() % message.body.size());
    if (server.serve(channel, message)) {
      ++answered;
      ASSERT_TRUE(peer.receive(1000).ok());
    } else {
      ++dropped;
    }
  }
  EXPECT_GT(answered, 0);
  EXPECT_GT(dropped, 0);
}

TEST_F(Wire, ARangeThatIsShorterThanTheCommandImpliesEndsTheConnection) {
  const long map = make_map(bpf::BPF_MAP_TYPE_HASH, 4, 64, 8);
  bpf_attr attr = make_attr();
  attr.map_fd = 7;
  attr.key = attr.value = 0x1000;
  const bpf::load::CallHead head{bpf::BPF_MAP_LOOKUP_ELEM, sizeof attr, 2, 1};
  const bpf::load::RangeHead ranges[] = {{offsetof(bpf_attr, key), 4}, {offsetof(bpf_attr, value), 1}};
  const int number = 7, fd = int(map);
  const base::u32 key = 0;
  const std::byte one{};
  const base::ConstBytes parts[] = {bpf::load::bytes_of(head),        bpf::load::bytes_of(attr),
                                    std::as_bytes(std::span(ranges)), bpf::load::bytes_of(number),
                                    bpf::load::bytes_of(key),         {&one, 1}};
  ASSERT_TRUE(client_end_.send(bpf::load::MessageKind::call, parts, {&fd, 1}).ok());
  thread_.join();  // the server drops the connection
  EXPECT_EQ(door_.maps().size(), 1U);
  close(fd);
}

}  // namespace
}  // namespace control_test
