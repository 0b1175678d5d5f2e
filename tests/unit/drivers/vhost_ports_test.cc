// SPDX-License-Identifier: Apache-2.0
// Both ends of a virtio network interface in one process: 1,000 frames each way, either end gone and come again, and
// every buffer back. Runs on ordinary pages, and with --hugepages on hugepages in single-file segments.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "tests/unit/drivers/port_fixture.h"

namespace drivers {
namespace {

using VhostPorts = Ports;

PortSpec vhost(const std::string& socket, SocketMode mode) {
  return {.name = "v0", .kind = PortKind::vhost, .ifindex = 1, .options = VhostOptions{.socket = socket, .mode = mode}};
}

PortSpec virtio_user(const std::string& socket, SocketMode mode) {
  return {.name = "u0",
          .kind = PortKind::virtio_user,
          .ifindex = 2,
          .options = VirtioUserOptions{.socket = socket, .mode = mode}};
}

void pass_both_ways(Port& device, Port& driver) {
  ASSERT_TRUE(test::wait_until([&] { return device.link_up() && driver.link_up(); }));
  pass_frames(device, driver);
  pass_frames(driver, device);
}

TEST_F(VhostPorts, ServerTakesADriverThatComesGoesAndComesAgain) {
  const std::string path = dir_ / "v.sock";
  auto device = open(vhost(path, SocketMode::server));
  ASSERT_TRUE(device);
  EXPECT_FALSE(device->link_up());
  EXPECT_EQ(test::send_frames(*device, numbered_frames(0, 10)), 0u) << "nobody there to take them";
  for (u32 round = 0; round < 2; ++round) {
    auto driver = open(virtio_user(path, SocketMode::client));
    ASSERT_TRUE(driver);
    pass_both_ways(*device, *driver);
    driver.reset();
    EXPECT_TRUE(test::wait_until([&] { return !device->link_up(); }));
  }
  device.reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0) << "the socket outlived its port";
}

TEST_F(VhostPorts, ClientWaitsForItsServerAndComesBackToIt) {
  const std::string path = dir_ / "v.sock";
  auto device = open(vhost(path, SocketMode::client));
  ASSERT_TRUE(device);
  EXPECT_FALSE(device->link_up());
  for (u32 round = 0; round < 2; ++round) {
    auto driver = open(virtio_user(path, SocketMode::server));
    ASSERT_TRUE(driver);
    pass_both_ways(*device, *driver);
    driver.reset();
    EXPECT_TRUE(test::wait_until([&] { return !device->link_up(); }));
    EXPECT_NE(access(path.c_str(), F_OK), 0) << "the socket outlived its port";
  }
}

TEST_F(VhostPorts, FramesThatNobodyTookComeBack) {
  auto device = open(vhost(dir_ / "v.sock", SocketMode::server));
  ASSERT_TRUE(device);
  auto driver = open(virtio_user(dir_ / "v.sock", SocketMode::client));
  ASSERT_TRUE(driver);
  ASSERT_TRUE(test::wait_until([&] { return device->link_up() && driver->link_up(); }));
  EXPECT_GT(test::send_frames(*driver, numbered_frames(0, 100)), 0u);
  EXPECT_GT(test::send_frames(*device, numbered_frames(0, 100)), 0u);
}

TEST_F(VhostPorts, StaleSocketIsRemovedAndALivingOneRespected) {
  const std::string path = dir_ / "v.sock";
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 4), 0);
  EXPECT_NE(open_error(vhost(path, SocketMode::server), EADDRINUSE).find("another process listens"), std::string::npos);
  close(fd);  // the file stays: its owner died
  EXPECT_NE(open_error(virtio_user(path, SocketMode::client), ECONNREFUSED).find("nobody listens"), std::string::npos);
  auto device = open(vhost(path, SocketMode::server));
  ASSERT_TRUE(device);
}

TEST_F(VhostPorts, SocketsThatCannotBeAreRefusedInWords) {
  EXPECT_NE(open_error(virtio_user(dir_ / "none", SocketMode::client), ENOENT).find("does not exist"),
            std::string::npos);
  EXPECT_NE(open_error(vhost(dir_ / "none/s", SocketMode::server), ENOENT).find("no directory"), std::string::npos);
  std::ofstream(dir_ / "file") << "precious";
  EXPECT_NE(open_error(vhost(dir_ / "file", SocketMode::server), EEXIST).find("no socket"), std::string::npos);
  EXPECT_NE(open_error(virtio_user(dir_ / "file", SocketMode::client), ENOTSOCK).find("is no socket"),
            std::string::npos);
  EXPECT_NE(open_error(vhost("relative", SocketMode::server), EINVAL).find("absolute path"), std::string::npos);
  PortSpec spec = virtio_user(dir_ / "u.sock", SocketMode::server);
  spec.rx_queues = 9;
  EXPECT_NE(open_error(spec, EINVAL).find("at most 8 queues"), std::string::npos);
}

}  // namespace
}  // namespace drivers

// Without free hugepages the second run is skipped, in words.
int main(int argc, char** argv) {
  drivers::EalOptions options = test::test_eal_options("vhost");
  if (argc > 1 && std::strcmp(argv[1], "--hugepages") == 0) {
    if (drivers::free_hugepage_bytes() < drivers::u64(64) << 20) {
      std::fprintf(stderr, "skipped: less than 64 MiB of hugepages are free\n");
      return 77;
    }
    options.memory = drivers::EalMemory::hugepages;
    options.fall_back = false;
    options.socket_mb = {64};
    options.single_file_segments = true;
  }
  return test::run_tests_on_eal(argc, argv, options);
}
