// SPDX-License-Identifier: Apache-2.0
// Kinds of ports that stand on an interface of the kernel: 1,000 frames each way, and everything as it was afterwards.
// Each test makes a network namespace of its own.
#include <arpa/inet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>

#include "tests/unit/drivers/port_fixture.h"

namespace drivers {
namespace {

using test::Frame;
using HostPorts = Ports;

// A network namespace of its own, so that interfaces of the test meet nobody else's.
bool enter_namespace() {
  return unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0;
}

class PacketSocket {
 public:
  explicit PacketSocket(const std::string& interface)
      : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(test::kTestEtherType))) {
    sockaddr_ll address = {};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(test::kTestEtherType);
    address.sll_ifindex = int(if_nametoindex(interface.c_str()));
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << strerror(errno);
  }
  ~PacketSocket() { close(fd_); }
  bool send(const Frame& frame) const { return ::send(fd_, frame.data(), frame.size(), 0) == ssize_t(frame.size()); }
  Frame receive() const {
    Frame frame(2048);
    const ssize_t got = recv(fd_, frame.data(), frame.size(), 0);
    frame.resize(got > 0 ? std::size_t(got) : 0);
    return frame;
  }

 private:
  int fd_;
};

void set_up(const std::string& interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request = {};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  EXPECT_EQ(ioctl(fd, SIOCGIFFLAGS, &request), 0);
  request.ifr_flags |= IFF_UP;
  EXPECT_EQ(ioctl(fd, SIOCSIFFLAGS, &request), 0);
  close(fd);
}

short interface_flags(const std::string& interface) {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request = {};
  interface.copy(request.ifr_name, IFNAMSIZ - 1);
  EXPECT_EQ(ioctl(fd, SIOCGIFFLAGS, &request), 0);
  close(fd);
  return request.ifr_flags;
}

// kFrames of growing length from the port to the kernel's side, then back.
void pass_frames(Port& port, const PacketSocket& kernel) {
  u32 sent = 0, received = 0;
  EXPECT_TRUE(test::wait_until([&] {
    if (sent < kFrames)
      sent += test::send_frames(port, numbered_frames(sent, std::min(32u, kFrames - sent), 60 + sent));
    for (Frame frame = kernel.receive(); !frame.empty(); frame = kernel.receive())
      EXPECT_EQ(test::frame_number(frame.data(), u32(frame.size())), received++);
    return received == kFrames;
  })) << "to the kernel: "
      << received;
  sent = received = 0;
  EXPECT_TRUE(test::wait_until([&] {
    for (u32 i = 0; i < 32 && sent < kFrames && kernel.send(test::make_frame(sent, 60 + sent)); ++i) ++sent;
    for (const Frame& frame : test::receive_frames(port))
      if (const auto number = test::frame_number(frame.data(), u32(frame.size()))) EXPECT_EQ(*number, received++);
    return received == kFrames;
  })) << "from the kernel: "
      << received;
}

TEST_F(HostPorts, TapPassesAThousandFramesToTheKernelAndBack) {
  if (!enter_namespace()) GTEST_SKIP() << "no network namespace for the tap interface: " << strerror(errno);
  if (access("/dev/net/tun", R_OK | W_OK) != 0) GTEST_SKIP() << "/dev/net/tun: " << strerror(errno);
  auto port = open(
      {.name = "tap0", .kind = PortKind::tap, .ifindex = 1, .mtu = 1600, .options = TapOptions{.interface = "slt0"}});
  ASSERT_TRUE(port);
  set_up("slt0");
  pass_frames(*port, PacketSocket("slt0"));
  EXPECT_NE(
      open_error({.name = "tap1", .kind = PortKind::tap, .ifindex = 2, .options = TapOptions{.interface = "slt0"}},
                 EEXIST)
          .find("exists already"),
      std::string::npos);
  port.reset();
  EXPECT_EQ(if_nametoindex("slt0"), 0u) << "the interface outlived its port";
}

// A pair of interfaces back to back, the far one up.
bool make_pair(u32 mtu) {
  const std::string link = "ip link add slv0 mtu " + std::to_string(mtu) + " type veth peer slv1 mtu " +
                           std::to_string(mtu) + " && ip link set slv1 up";
  return enter_namespace() && std::system(link.c_str()) == 0;
}

PortSpec af_packet(const std::string& name, const std::string& interface) {
  return {.name = name, .kind = PortKind::af_packet, .ifindex = 1, .options = AfPacketOptions{.interface = interface}};
}

PortSpec af_xdp(const std::string& name, const std::string& interface) {
  return {.name = name, .kind = PortKind::af_xdp, .ifindex = 1, .options = AfXdpOptions{.interface = interface}};
}

TEST_F(HostPorts, AfPacketPassesAThousandFramesToTheKernelAndBack) {
  if (!make_pair(1600)) GTEST_SKIP() << "no network namespace with a pair of interfaces: " << strerror(errno);
  PortSpec spec = af_packet("k0", "slv0");
  spec.mtu = 1600;
  auto port = open(spec);
  ASSERT_TRUE(port);
  EXPECT_TRUE(test::wait_until([&] { return port->link_up(); }));
  pass_frames(*port, PacketSocket("slv1"));
  EXPECT_EQ(port->stats().tx_packets, kFrames);
  EXPECT_TRUE(interface_flags("slv0") & IFF_UP);
  port.reset();
  EXPECT_FALSE(interface_flags("slv0") & (IFF_UP | IFF_PROMISC)) << "not as it was found";
}

TEST_F(HostPorts, AfPacketKeepsTheVlanTagOfAFrame) {
  if (!make_pair(1500)) GTEST_SKIP() << "no network namespace with a pair of interfaces: " << strerror(errno);
  auto port = open(af_packet("k0", "slv0"));
  auto peer = open(af_packet("k1", "slv1"));
  ASSERT_TRUE(port && peer);
  ASSERT_TRUE(test::wait_until([&] { return port->link_up() && peer->link_up(); }));
  Frame tagged = test::make_frame(1, 100);
  const base::u8 tag[] = {0x81, 0x00, 0x20, 0x07};
  tagged.insert(tagged.begin() + 12, std::begin(tag), std::end(tag));
  ASSERT_EQ(test::send_frames(*port, {tagged}), 1u);
  Frame got;
  EXPECT_TRUE(test::wait_until([&] {
    for (const Frame& frame : test::receive_frames(*peer))
      if (frame.size() >= 104) got = frame;
    return !got.empty();
  }));
  EXPECT_EQ(got, tagged);
}

TEST_F(HostPorts, AfXdpPassesAThousandFramesToTheKernelAndBack) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may attach the program of an AF_XDP port";
  if (!make_pair(1500)) GTEST_SKIP() << "no network namespace with a pair of interfaces: " << strerror(errno);
  for (u32 round = 0; round < 2; ++round) {
    auto port = open(af_xdp("x0", "slv0"));
    ASSERT_TRUE(port);
    EXPECT_TRUE(test::wait_until([&] { return port->link_up(); }));
    pass_frames(*port, PacketSocket("slv1"));
    EXPECT_GE(port->stats().rx_packets, kFrames);
    EXPECT_EQ(port->stats().tx_packets, kFrames);
    port.reset();
    EXPECT_EQ(pool_->available(), pool_->size()) << "round " << round;
  }
}

// What was received stays good after the port is gone, and is not given back twice.
TEST_F(HostPorts, AfXdpLeavesReceivedFramesToTheirOwners) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may attach the program of an AF_XDP port";
  if (!make_pair(1500)) GTEST_SKIP() << "no network namespace with a pair of interfaces: " << strerror(errno);
  auto a = open({.name = "r0", .kind = PortKind::ring, .ifindex = 2, .options = RingOptions{.peer = "r1"}});
  auto b = open({.name = "r1", .kind = PortKind::ring, .ifindex = 3, .options = RingOptions{.peer = "r0"}});
  auto port = open(af_xdp("x0", "slv0"));
  ASSERT_TRUE(a && b && port);
  EXPECT_EQ(test::send_frames(*a, numbered_frames(0, 100)), 100u);
  port.reset();
  EXPECT_EQ(pool_->available(), pool_->size() - 100);
  u32 received = 0;
  for (auto frames = test::receive_frames(*b); !frames.empty(); frames = test::receive_frames(*b))
    for (const Frame& frame : frames) EXPECT_EQ(test::frame_number(frame.data(), u32(frame.size())), received++);
  EXPECT_EQ(received, 100u);
}

TEST_F(HostPorts, InterfacesThatCannotBeHadAreRefusedInWords) {
  if (!make_pair(1400)) GTEST_SKIP() << "no network namespace with a pair of interfaces: " << strerror(errno);
  EXPECT_NE(open_error(af_packet("k0", "absent0"), ENODEV).find("no interface absent0"), std::string::npos);
  EXPECT_NE(open_error(af_packet("k0", "slv0"), EINVAL).find("has mtu 1400, less than the port's 1500"),
            std::string::npos);
  EXPECT_NE(open_error(af_packet("k0", "a/b"), EINVAL).find("not one that Linux takes"), std::string::npos);
  PortSpec spec = af_packet("k0", "slv0");
  spec.mac = MacAddress{2, 0, 0, 0, 0, 1};
  EXPECT_NE(open_error(spec, EINVAL).find("the address of its interface"), std::string::npos);
  if (geteuid() != 0) return;
  EXPECT_NE(open_error(af_xdp("x0", "absent0"), ENODEV).find("no interface absent0"), std::string::npos);
  EXPECT_NE(open_error(af_xdp("x0", "slv0"), EINVAL).find("has mtu 1400"), std::string::npos);
}

TEST_F(HostPorts, AfXdpRefusesBuffersLargerThanAPage) {
  if (geteuid() != 0) GTEST_SKIP() << "only root may attach the program of an AF_XDP port";
  if (!make_pair(1500)) GTEST_SKIP() << "no network namespace with a pair of interfaces: " << strerror(errno);
  auto pool = Mempool::make({.name = "large", .mbufs = 1023, .data_room = 9300, .cache = 0});
  ASSERT_TRUE(pool) << pool.error().what();
  const auto port = open_port(af_xdp("x0", "slv0"), **pool);
  ASSERT_FALSE(port);
  EXPECT_NE(port.error().what().find("the kernel takes at most a page"), std::string::npos) << port.error().what();
}

}  // namespace
}  // namespace drivers

int main(int argc, char** argv) {
  return test::run_tests_on_eal(argc, argv, test::test_eal_options("host-ports"));
}
