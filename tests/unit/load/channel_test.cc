// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace bpf::load {
namespace {

struct Pair {
  Channel server;
  int client;

  Pair() {
    auto ends = make_channel_pair();
    client = ends->second.release();
    server = Channel(std::move(ends->first));
  }
  ~Pair() { close(client); }

  // A message as a hostile peer would put it.
  void send_raw(const void* bytes, std::size_t size, int fd = -1) const {
    iovec iov{const_cast<void*>(bytes), size};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr msg{};
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    if (fd >= 0) {
      msg.msg_control = control;
      msg.msg_controllen = sizeof control;
      cmsghdr* c = CMSG_FIRSTHDR(&msg);
      c->cmsg_level = SOL_SOCKET;
      c->cmsg_type = SCM_RIGHTS;
      c->cmsg_len = CMSG_LEN(sizeof fd);
      std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ASSERT_EQ(sendmsg(client, &msg, 0), ssize_t(size));
  }
};

std::vector<std::byte> pattern(std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = std::byte(i * 31);
  return bytes;
}

TEST(Channel, CarriesBodiesOfAnySizeWhole) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{kInlineBytesMax},
                                 std::size_t{kInlineBytesMax} + 1, std::size_t{5} << 20}) {
    Pair pair;
    Channel client{base::UniqueFd(dup(pair.client))};
    const auto body = pattern(size);
    ASSERT_TRUE(client.send(MessageKind::call, body).ok()) << size;
    auto got = pair.server.receive(1000);
    ASSERT_TRUE(got.ok()) << got.error().what();
    EXPECT_EQ(got->body, body);
    EXPECT_TRUE(got->fds.empty());
  }
}

TEST(Channel, CarriesDescriptorsBesideABulkBody) {
  Pair pair;
  Channel client{base::UniqueFd(dup(pair.client))};
  const int fds[] = {0, 1, 2};
  ASSERT_TRUE(client.send(MessageKind::call, pattern(kInlineBytesMax + 1), fds).ok());
  auto got = pair.server.receive(1000);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(got->fds.size(), 3U);
}

TEST(Channel, RefusesAMessageWithoutItsMagic) {
  Pair pair;
  const Header header{0xdeadbeef, MessageKind::call, 0, 0};
  pair.send_raw(&header, sizeof header);
  EXPECT_EQ(pair.server.receive(1000).error().code(), EPROTO);
}

TEST(Channel, RefusesALengthThatIsNotTheBodys) {
  Pair pair;
  const Header header{kWireMagic, MessageKind::call, 100, 0};
  pair.send_raw(&header, sizeof header);
  EXPECT_EQ(pair.server.receive(1000).error().code(), EPROTO);
}

TEST(Channel, RefusesABulkBodyThatIsShorterThanAnnounced) {
  Pair pair;
  const base::UniqueFd memory(memfd_create("bulk", 0));
  ASSERT_EQ(ftruncate(memory.get(), 10), 0);
  const Header header{kWireMagic, MessageKind::call, 1000, 1};
  pair.send_raw(&header, sizeof header, memory.get());
  EXPECT_EQ(pair.server.receive(1000).error().code(), EPROTO);
}

TEST(Channel, RefusesABulkBodyThatIsNotInAMemoryFile) {
  Pair pair;
  const base::UniqueFd file(open("/proc/self/exe", O_RDONLY));
  const Header header{kWireMagic, MessageKind::call, 1000, 1};
  pair.send_raw(&header, sizeof header, file.get());
  EXPECT_EQ(pair.server.receive(1000).error().code(), EPROTO);
}

TEST(Channel, RefusesABulkBodyBeyondTheBound) {
  Pair pair;
  const base::UniqueFd memory(memfd_create("bulk", MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(memory.get(), off_t{1} << 32), 0);
  const Header header{kWireMagic, MessageKind::call, 0xffffffff, 1};
  pair.send_raw(&header, sizeof header, memory.get());
  EXPECT_EQ(pair.server.receive(1000).error().code(), EPROTO);
}

TEST(Channel, ReportsThatThePeerIsGone) {
  Pair pair;
  close(std::exchange(pair.client, -1));
  EXPECT_EQ(pair.server.receive(1000).error().code(), EPIPE);
}

TEST(Channel, ReportsSilence) {
  Pair pair;
  EXPECT_EQ(pair.server.receive(10).error().code(), ETIMEDOUT);
}

}  // namespace
}  // namespace bpf::load
