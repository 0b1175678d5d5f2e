// SPDX-License-Identifier: Apache-2.0
// Kinds of ports that need nothing but this process: each passes 1,000 frames both ways and gives every buffer back
// when it is closed.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include "drivers/capture_file.h"
#include "tests/unit/drivers/port_fixture.h"

namespace drivers {
namespace {

using test::Frame;

TEST_F(Ports, NullReceivesAndSwallowsAThousandFrames) {
  auto port = open({.name = "n0", .kind = PortKind::null, .ifindex = 1, .options = NullOptions{.frame_bytes = 64}});
  ASSERT_TRUE(port);
  u32 received = 0;
  while (received < kFrames) {
    const auto frames = test::receive_frames(*port);
    ASSERT_FALSE(frames.empty());
    EXPECT_EQ(frames[0].size(), 64u);
    received += u32(frames.size());
  }
  EXPECT_EQ(test::send_frames(*port, numbered_frames(0, kFrames)), kFrames);
  EXPECT_EQ(port->stats().rx_packets, received);
  EXPECT_EQ(port->stats().tx_packets, kFrames);
  EXPECT_FALSE(port->input_left().has_value());
}

TEST_F(Ports, NullThatDoesNotReceiveIsASink) {
  auto port = open({.name = "sink", .kind = PortKind::null, .ifindex = 1, .options = NullOptions{.receive = false}});
  ASSERT_TRUE(port);
  EXPECT_TRUE(test::receive_frames(*port).empty());
  EXPECT_EQ(test::send_frames(*port, numbered_frames(0, 10)), 10u);
}

TEST_F(Ports, RingPeersPassAThousandFramesBothWays) {
  auto a = open({.name = "r0", .kind = PortKind::ring, .ifindex = 1, .options = RingOptions{.peer = "r1"}});
  ASSERT_TRUE(a);
  EXPECT_FALSE(a->link_up()) << "the peer is not open yet";
  auto b = open({.name = "r1", .kind = PortKind::ring, .ifindex = 2, .options = RingOptions{.peer = "r0"}});
  ASSERT_TRUE(b);
  EXPECT_TRUE(a->link_up());
  pass_frames(*a, *b);
  pass_frames(*b, *a);
  EXPECT_EQ(a->stats().tx_packets, kFrames);
  EXPECT_EQ(b->stats().rx_packets, kFrames);
}

TEST_F(Ports, RingGivesBackFramesThatNobodyRead) {
  auto a = open({.name = "r0", .kind = PortKind::ring, .ifindex = 1, .options = RingOptions{.peer = "r1"}});
  auto b = open({.name = "r1", .kind = PortKind::ring, .ifindex = 2, .options = RingOptions{.peer = "r0"}});
  ASSERT_TRUE(a && b);
  EXPECT_EQ(test::send_frames(*a, numbered_frames(0, 100)), 100u);
  EXPECT_EQ(test::send_frames(*b, numbered_frames(0, 50)), 50u);
  EXPECT_EQ(pool_->available(), pool_->size() - 150);
}

TEST_F(Ports, RingWithItselfAsPeerIsALoop) {
  auto port = open({.name = "loop", .kind = PortKind::ring, .ifindex = 1, .options = RingOptions{.peer = "loop"}});
  ASSERT_TRUE(port);
  EXPECT_TRUE(port->link_up());
  pass_frames(*port, *port);
}

TEST_F(Ports, RingOfAnotherShapeThanItsPeerIsRefused) {
  auto a = open({.name = "r0", .kind = PortKind::ring, .ifindex = 1, .options = RingOptions{.peer = "r1"}});
  ASSERT_TRUE(a);
  EXPECT_NE(
      open_error(
          {.name = "r1", .kind = PortKind::ring, .ifindex = 2, .rx_queues = 2, .options = RingOptions{.peer = "r0"}},
          EINVAL)
          .find("its peer r0 has 1"),
      std::string::npos);
  EXPECT_NE(
      open_error({.name = "r0", .kind = PortKind::ring, .ifindex = 3, .options = RingOptions{.peer = "r1"}}, EEXIST)
          .find("open already"),
      std::string::npos);
}

TEST_F(Ports, PcapReplaysAFileToItsEndAndWritesPcapng) {
  test::write_pcap(dir_ / "in.pcap", numbered_frames(0, kFrames));
  const PcapOptions options = {.rx_file = dir_ / "in.pcap", .tx_file = dir_ / "out.pcapng"};
  auto port = open({.name = "p0", .kind = PortKind::pcap, .ifindex = 1, .options = options});
  ASSERT_TRUE(port);
  EXPECT_EQ(port->input_left(), kFrames);
  u32 received = 0;
  for (auto frames = test::receive_frames(*port); !frames.empty(); frames = test::receive_frames(*port))
    for (const Frame& frame : frames) EXPECT_EQ(test::frame_number(frame.data(), u32(frame.size())), received++);
  EXPECT_EQ(received, kFrames);
  EXPECT_EQ(port->input_left(), 0u);
  for (u32 i = 0; i < kFrames; i += 20) EXPECT_EQ(test::send_frames(*port, numbered_frames(i, 20, 60 + i)), 20u);
  const auto flushed = port->flush();
  EXPECT_TRUE(flushed) << flushed.error().what();
  EXPECT_EQ(port->stats().tx_packets, kFrames);
  port.reset();

  // The file is read back by libpcap, which is not ours.
  u32 magic = 0;
  std::ifstream(dir_ / "out.pcapng", std::ios::binary).read(reinterpret_cast<char*>(&magic), 4);
  EXPECT_EQ(magic, 0x0a0d0d0au);
  auto replay = open(
      {.name = "p1", .kind = PortKind::pcap, .ifindex = 1, .options = PcapOptions{.rx_file = dir_ / "out.pcapng"}});
  ASSERT_TRUE(replay);
  EXPECT_EQ(replay->input_left(), kFrames);
  received = 0;
  for (auto frames = test::receive_frames(*replay); !frames.empty(); frames = test::receive_frames(*replay))
    for (const Frame& frame : frames) {
      EXPECT_EQ(frame.size(), 60 + received / 20 * 20);
      EXPECT_EQ(test::frame_number(frame.data(), u32(frame.size())), received++);
    }
  EXPECT_EQ(received, kFrames);
}

TEST_F(Ports, PcapLoopsOverItsFileWithoutEnd) {
  test::write_pcap(dir_ / "in.pcap", numbered_frames(0, 10));
  auto port = open({.name = "p0",
                    .kind = PortKind::pcap,
                    .ifindex = 1,
                    .options = PcapOptions{.rx_file = dir_ / "in.pcap", .loop = true}});
  ASSERT_TRUE(port);
  EXPECT_FALSE(port->input_left().has_value());
  u32 received = 0;
  for (u32 polls = 0; polls < 1000 && received < kFrames; ++polls)
    for (const Frame& frame : test::receive_frames(*port))
      EXPECT_EQ(test::frame_number(frame.data(), u32(frame.size())), received++ % 10);
  EXPECT_GE(received, kFrames);
}

TEST_F(Ports, PcapWithoutInputWritesOnly) {
  auto port =
      open({.name = "p0", .kind = PortKind::pcap, .ifindex = 1, .options = PcapOptions{.tx_file = dir_ / "out.pcap"}});
  ASSERT_TRUE(port);
  EXPECT_TRUE(test::receive_frames(*port).empty());
  EXPECT_EQ(test::send_frames(*port, numbered_frames(0, 7)), 7u);
  port.reset();
  const auto summary = scan_capture(dir_ / "out.pcap");
  ASSERT_TRUE(summary) << summary.error().what();
  EXPECT_EQ(summary->packets, 7u);
  EXPECT_FALSE(summary->truncated);
}

TEST_F(Ports, PcapInputThatIsNoCaptureIsRefusedInWords) {
  std::ofstream(dir_ / "text") << "version: 1\nports: []\n";
  std::ofstream(dir_ / "empty");
  const auto with_input = [&](const std::string& path) {
    return PortSpec{.name = "p0", .kind = PortKind::pcap, .ifindex = 1, .options = PcapOptions{.rx_file = path}};
  };
  EXPECT_NE(open_error(with_input(dir_ / "text"), EINVAL).find("neither pcap nor pcapng"), std::string::npos);
  EXPECT_NE(open_error(with_input(dir_ / "empty"), EINVAL).find("is empty"), std::string::npos);
  EXPECT_NE(open_error(with_input(dir_ / "absent"), ENOENT).find("No such file"), std::string::npos);
  EXPECT_NE(open_error(with_input(dir_ / "."), EISDIR).find("is a directory"), std::string::npos);
}

PortSpec memif_spec(const std::string& name, const std::string& socket, MemifOptions::Role role) {
  return {.name = name,
          .kind = PortKind::memif,
          .ifindex = role == MemifOptions::Role::server ? 1u : 2u,
          .options = MemifOptions{.socket = socket, .role = role}};
}

TEST_F(Ports, MemifServerAndClientPassAThousandFramesBothWays) {
  auto server = open(memif_spec("m0", dir_ / "memif.sock", MemifOptions::Role::server));
  ASSERT_TRUE(server);
  EXPECT_FALSE(server->link_up());
  auto client = open(memif_spec("m1", dir_ / "memif.sock", MemifOptions::Role::client));
  ASSERT_TRUE(client);
  ASSERT_TRUE(test::wait_until([&] { return server->link_up() && client->link_up(); }));
  pass_frames(*client, *server);
  pass_frames(*server, *client);
}

TEST_F(Ports, MemifServerRemovesAStaleSocketAndItsOwn) {
  const std::string path = dir_ / "memif.sock";
  const int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(listen(fd, 1), 0);
  EXPECT_NE(open_error(memif_spec("m0", path, MemifOptions::Role::server), EADDRINUSE).find("another process"),
            std::string::npos);
  close(fd);  // the file stays: its owner died
  EXPECT_EQ(access(path.c_str(), F_OK), 0);
  auto server = open(memif_spec("m0", path, MemifOptions::Role::server));
  ASSERT_TRUE(server);
  server.reset();
  EXPECT_NE(access(path.c_str(), F_OK), 0) << "the socket outlived its port";
}

TEST_F(Ports, MemifSocketThatIsAFileOrHasNoDirectoryIsRefusedInWords) {
  std::ofstream(dir_ / "file") << "precious";
  EXPECT_NE(open_error(memif_spec("m0", dir_ / "file", MemifOptions::Role::server), EEXIST).find("no socket"),
            std::string::npos);
  EXPECT_NE(open_error(memif_spec("m0", dir_ / "none/s", MemifOptions::Role::server), ENOENT).find("no directory"),
            std::string::npos);
}

TEST_F(Ports, EveryKindHasItsName) {
  for (const char* name :
       {"null", "ring", "pcap", "tap", "memif", "pci", "vhost", "virtio_user", "af_xdp", "af_packet"}) {
    const auto kind = find_port_kind(name);
    ASSERT_TRUE(kind) << name;
    EXPECT_EQ(port_kind_name(*kind), name);
  }
  EXPECT_FALSE(find_port_kind("infiniband"));
}

TEST_F(Ports, CardThatIsNotThereIsRefusedInWords) {
  const auto card = [](const std::string& address) {
    return PortSpec{.name = "c", .kind = PortKind::pci, .ifindex = 1, .options = PciOptions{.address = address}};
  };
  EXPECT_NE(open_error(card("0000:ff:1f.7"), ENODEV).find("there is no PCI device 0000:ff:1f.7"), std::string::npos);
  for (const char* address : {"", "3b:00.0", "0000:3b:00.8", "0000:3b:00.0,x=y", "000g:3b:00.0"})
    EXPECT_NE(open_error(card(address), EINVAL).find("not of the form 0000:3b:00.0"), std::string::npos) << address;
}

TEST_F(Ports, NumbersOutOfRangeAreRefusedInWords) {
  const PortSpec good = {.name = "n0", .kind = PortKind::null, .ifindex = 1};
  const auto with = [&](auto change) {
    PortSpec spec = good;
    change(spec);
    return open_error(spec, EINVAL);
  };
  EXPECT_NE(with([](PortSpec& s) { s.name = "a/b"; }).find("name"), std::string::npos);
  EXPECT_NE(with([](PortSpec& s) { s.ifindex = 0; }).find("ifindex"), std::string::npos);
  EXPECT_NE(with([](PortSpec& s) { s.mtu = 10; }).find("mtu"), std::string::npos);
  EXPECT_NE(with([](PortSpec& s) { s.mtu = 9000; }).find("does not fit one buffer"), std::string::npos);
  EXPECT_NE(with([](PortSpec& s) { s.rx_queues = 0; }).find("rx-queues"), std::string::npos);
  EXPECT_NE(with([](PortSpec& s) { s.mac = MacAddress{1, 0, 0, 0, 0, 0}; }).find("group address"), std::string::npos);
  EXPECT_NE(with([](PortSpec& s) { s.options = TapOptions{}; }).find("not those of kind null"), std::string::npos);
}

}  // namespace
}  // namespace drivers

int main(int argc, char** argv) {
  return test::run_tests_on_eal(argc, argv, test::test_eal_options("ports"));
}
