// SPDX-License-Identifier: Apache-2.0
// The socket of bpf clients: who stalls, floods, lies or dies disturbs nobody else.
#include "control/bpf_server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <filesystem>
#include <random>
#include <thread>

#include "base/percpu.h"
#include "bpf/load/client.h"
#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

using bpf::load::Channel;

// A client as the preload library is one.
struct Caller {
  explicit Caller(base::UniqueFd fd) : channel(std::move(fd)) {}
  long call(u32 cmd, bpf_attr& attr) { return client.call(cmd, &attr, sizeof attr); }
  long make_map() {
    bpf_attr attr = make_attr();
    attr.map_type = bpf::BPF_MAP_TYPE_HASH;
    attr.key_size = attr.value_size = 4;
    attr.max_entries = 4;
    return call(bpf::BPF_MAP_CREATE, attr);
  }
  long element(u32 cmd, long fd, u32 key, u32& value) {
    bpf_attr attr = make_attr();
    attr.map_fd = u32(fd);
    attr.key = address(&key);
    attr.value = address(&value);
    return call(cmd, attr);
  }
  u32 next_map(u32 id) {
    bpf_attr attr = make_attr();
    attr.start_id = id;
    return call(bpf::BPF_MAP_GET_NEXT_ID, attr) == 0 ? attr.next_id : 0;
  }

  Channel channel;
  bpf::load::DoorClient client{channel, base::possible_cpu_count()};
};

class BpfSocket : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() / ("bpf-socket-" + std::to_string(getpid()));
    auto server = control::BpfServer::listen({.path = (folder_ / "sock").string()}, door_);
    ASSERT_TRUE(server.ok()) << server.error().what();
    server_ = *std::move(server);
    thread_ = std::thread([this] {
      while (!ended_) {
        pollfd ready{server_->fd(), POLLIN, 0};
        if (poll(&ready, 1, 10) > 0) server_->poll();
      }
    });
  }
  void TearDown() override {
    ended_ = true;
    if (thread_.joinable()) thread_.join();
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  base::UniqueFd connect_now() {
    base::UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    const std::string path = (folder_ / "sock").string();
    path.copy(where.sun_path, sizeof where.sun_path - 1);
    if (connect(fd.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) fd.reset();
    return fd;
  }
  // Somebody else is still answered.
  void expect_service() {
    Caller other(connect_now());
    const long map = other.make_map();
    ASSERT_GE(map, 0);
    u32 value = 7;
    EXPECT_EQ(other.element(bpf::BPF_MAP_UPDATE_ELEM, map, 1, value), 0);
    value = 0;
    EXPECT_EQ(other.element(bpf::BPF_MAP_LOOKUP_ELEM, map, 1, value), 0);
    EXPECT_EQ(value, 7U);
    close(int(map));
  }
  // True when the server has hung up; waits for it.
  static bool is_hung_up(int fd) {
    char byte[64];
    timeval patience{10, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (;;) {
      const ssize_t n = recv(fd, byte, sizeof byte, 0);
      if (n == 0 || (n < 0 && errno != EAGAIN)) return true;
      if (n < 0) return false;
    }
  }

  std::filesystem::path folder_;
  control::Door door_{control::DoorConfig{}};
  std::unique_ptr<control::BpfServer> server_;
  std::atomic<bool> ended_ = false;
  std::thread thread_;
};

TEST_F(BpfSocket, AHandleIsGoodOnEveryConnectionAndOutlivesItsMaker) {
  u32 value = 5;
  long map = -1;
  {
    Caller maker(connect_now());
    map = maker.make_map();
    ASSERT_GE(map, 0);
    ASSERT_EQ(maker.element(bpf::BPF_MAP_UPDATE_ELEM, map, 1, value), 0);
  }
  Caller heir(connect_now());
  value = 0;
  EXPECT_EQ(heir.element(bpf::BPF_MAP_LOOKUP_ELEM, map, 1, value), 0);
  EXPECT_EQ(value, 5U);
  close(int(map));
  EXPECT_EQ(heir.next_map(0), 0U) << "nobody has it open, and it lives";
}

TEST_F(BpfSocket, WhatADeadClientAloneHeldIsGone) {
  const pid_t child = fork();
  if (child == 0) {
    Caller maker(connect_now());
    const bool made = maker.make_map() >= 0 && maker.make_map() >= 0;
    kill(getpid(), made ? SIGKILL : SIGABRT);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(WTERMSIG(status), SIGKILL);
  Caller other(connect_now());
  EXPECT_EQ(other.next_map(0), 0U);
}

TEST_F(BpfSocket, TwoHundredClientsAtOnce) {
  std::vector<std::unique_ptr<Caller>> callers;
  std::vector<long> maps;
  for (int i = 0; i < 200; ++i) {
    callers.push_back(std::make_unique<Caller>(connect_now()));
    maps.push_back(callers.back()->make_map());
    ASSERT_GE(maps.back(), 0) << "client " << i;
  }
  for (int round = 0; round < 3; ++round)
    for (u32 i = 0; i < 200; ++i) {
      u32 value = i + u32(round);
      ASSERT_EQ(callers[i]->element(bpf::BPF_MAP_UPDATE_ELEM, maps[i], 1, value), 0);
      value = 0;
      ASSERT_EQ(callers[i]->element(bpf::BPF_MAP_LOOKUP_ELEM, maps[i], 1, value), 0);
      ASSERT_EQ(value, i + u32(round));
    }
  for (const long map : maps) close(int(map));
}

TEST_F(BpfSocket, GarbageEndsItsConnectionAndNoOther) {
  std::mt19937_64 random(20261126);
  for (int i = 0; i < 500; ++i) {
    const base::UniqueFd fd = connect_now();
    ASSERT_TRUE(fd) << i;
    std::vector<unsigned char> bytes(1 + random() % 600);
    for (auto& byte : bytes) byte = static_cast<unsigned char>(random());
    if (random() % 2 && bytes.size() >= 16) {  // a head that is right, and nothing behind it
      const bpf::load::Header head{bpf::load::kWireMagic, bpf::load::MessageKind(random() % 12),
                                   u32(bytes.size() - sizeof head), u32(random() % 2)};
      std::memcpy(bytes.data(), &head, sizeof head);
    }
    ASSERT_GT(send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), 0);
    EXPECT_TRUE(is_hung_up(fd.get())) << i;
  }
  expect_service();
}

TEST_F(BpfSocket, WhoDoesNotReadItsAnswersIsLeftAlone) {
  const base::UniqueFd fd = connect_now();
  const bpf::load::AskHead head{bpf::load::Question::host_types, 0};
  Channel deaf{base::UniqueFd(dup(fd.get()))};
  int sent = 0;
  while (sent < 100'000 && deaf.send(bpf::load::MessageKind::ask, bpf::load::bytes_of(head)).ok()) ++sent;
  EXPECT_LT(sent, 100'000) << "the server goes on answering into the void";
  expect_service();
}

TEST_F(BpfSocket, AFloodLeavesRoomForOthers) {
  std::atomic<bool> stop = false;
  std::atomic<u64> calls = 0;
  std::vector<std::thread> flood;
  for (int i = 0; i < 4; ++i)
    flood.emplace_back([&] {
      Caller caller(connect_now());
      const long map = caller.make_map();
      u32 value = 0;
      for (; !stop; ++calls) caller.element(bpf::BPF_MAP_LOOKUP_ELEM, map, 1, value);
      close(int(map));
    });
  for (int i = 0; i < 20; ++i) expect_service();
  stop = true;
  for (auto& thread : flood) thread.join();
  EXPECT_GT(calls, 100U);
}

TEST_F(BpfSocket, ASecondServerDoesNotTakeTheSocket) {
  auto second = control::BpfServer::listen({.path = (folder_ / "sock").string()}, door_);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code(), EADDRINUSE);
  expect_service();
}

TEST_F(BpfSocket, AnInodeNamesAHandleThatItsClientHasShownAndNoOther) {
  Caller owner(connect_now()), thief(connect_now());
  const long map = owner.make_map();
  u32 value = 3;
  struct stat st{};
  ASSERT_EQ(fstat(int(map), &st), 0);
  // 1: the server does not know it. The request has no range: the answer to a known handle is EFAULT.
  const auto look_up = [&](Caller& caller) -> std::pair<u32, long> {
    bpf_attr attr = make_attr();
    attr.map_fd = 7;
    const bpf::load::CallHead head{bpf::BPF_MAP_LOOKUP_ELEM, sizeof attr, 0, 0, st.st_ino, 7, O_RDWR};
    const base::ConstBytes parts[] = {bpf::load::bytes_of(head), bpf::load::bytes_of(attr)};
    EXPECT_TRUE(caller.channel.send(bpf::load::MessageKind::call, parts).ok());
    const auto reply = caller.channel.receive();
    bpf::load::ReplyHead answer{};
    EXPECT_TRUE(reply.ok() && bpf::load::BodyReader(reply->body).take(answer));
    return {answer.unknown_handle, answer.result};
  };
  EXPECT_EQ(look_up(owner), std::pair(1U, 0L)) << "it was given, but never shown";
  EXPECT_EQ(owner.element(bpf::BPF_MAP_UPDATE_ELEM, map, 1, value), 0);
  EXPECT_EQ(look_up(owner), std::pair(0U, long{-EFAULT}));
  EXPECT_EQ(look_up(thief), std::pair(1U, 0L));
  // Another map under the same number: the name of the old one is not taken for it.
  const long other = owner.make_map();
  ASSERT_EQ(dup2(int(other), int(map)), int(map));
  EXPECT_EQ(owner.element(bpf::BPF_MAP_LOOKUP_ELEM, map, 1, value), -ENOENT);
  close(int(other));
  close(int(map));
  expect_service();  // whose going makes the server look what is closed
  EXPECT_EQ(look_up(owner), std::pair(1U, 0L)) << "it is gone";
}

TEST_F(BpfSocket, QuestionsBesideBpfAreAnsweredOrEmpty) {
  Caller caller(connect_now());
  const long map = caller.make_map();
  const auto lines = bpf::load::ask(caller.channel, bpf::load::Question::fdinfo, int(map));
  ASSERT_TRUE(lines.ok());
  EXPECT_NE(
      lines->find("map_type:\t1\nkey_size:\t4\nvalue_size:\t4\nmax_entries:\t4\nmap_flags:\t0x0\nmap_extra:\t0x0\n"),
      std::string::npos)
      << *lines;
  EXPECT_NE(lines->find("frozen:\t0\n"), std::string::npos);
  const auto nothing = bpf::load::ask(caller.channel, bpf::load::Question::fdinfo, 0);
  ASSERT_TRUE(nothing.ok());
  EXPECT_TRUE(nothing->empty());
  const auto types = bpf::load::ask(caller.channel, bpf::load::Question::host_types);
  ASSERT_TRUE(types.ok());
  EXPECT_EQ(types->substr(0, 2), "\x9f\xeb");
  close(int(map));
}

}  // namespace
}  // namespace control_test
