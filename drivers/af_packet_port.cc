// SPDX-License-Identifier: Apache-2.0
// af_packet_port.cc — an interface that the kernel keeps, shared with it through packet sockets: DPDK's net_af_packet.
//
// Shape     one pair of rings shared with the kernel per queue; frames are copied. The kernel's own stack goes on
//           receiving what comes in; give the interface no address if it should not answer. With several queues the
//           kernel spreads flows over them.
// Source    https://doc.dpdk.org/guides-22.11/nics/af_packet.html; packet(7)
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "drivers/eth_port.h"
#include "drivers/host_interface.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 16;  // RTE_PMD_AF_PACKET_MAX_RINGS
constexpr u16 kDescriptors = 512;
constexpr u32 kBlockBytes = 4096;
// In front of a frame the kernel writes struct tpacket2_hdr, an address, and padding: 66 bytes up to the Ethernet
// header (packet_mmap).
constexpr u32 kFrameNotes = 66;
// Of a ring's frame the driver takes all but this for data, and wants that much in a buffer of the pool.
constexpr u32 kDriverNotes = 32;

// A frame of the ring divides a block, or is one: the driver takes them for one array.
u32 ring_frame_bytes(const PortSpec& spec) {
  const u32 wanted = spec.mtu + 18 + kFrameNotes;
  if (wanted <= kBlockBytes / 2) return kBlockBytes / 2;
  return (wanted + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
}

base::Status check_access() {
  const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (fd < 0) return device_error(errno, "a packet socket, which takes CAP_NET_RAW in this network namespace");
  close(fd);
  return base::success();
}

struct InterfaceHolder {
  BorrowedInterface interface;
};

// The interface is a base that comes first: it is restored after the device is gone.
class AfPacketPort final : private InterfaceHolder, public EthPort {
 public:
  AfPacketPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan, BorrowedInterface interface)
      : InterfaceHolder{std::move(interface)}, EthPort(std::move(spec), pool, std::move(device), plan) {}

  bool copies_on_receive() const noexcept override { return true; }
  bool has_rss() const noexcept override { return rx_queue_count() > 1; }
  bool link_up() const override { return started() && interface.is_running(); }
};

}  // namespace

base::Status check_af_packet_port(const PortSpec& spec) {
  const auto* options = std::get_if<AfPacketOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind af_packet");
  SLUICE_CHECK(check_interface_name(options->interface));
  if (spec.mac) return base::Error(EINVAL, "kind af_packet has the address of its interface, no other");
  return check_paired_queues(spec, kQueuesMax);
}

base::Result<std::unique_ptr<Port>> open_af_packet_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<AfPacketOptions>(spec.options);
  SLUICE_CHECK(check_access());
  const u32 frame_bytes = ring_frame_bytes(spec);
  const u32 room = frame_bytes - kDriverNotes + kMbufHeadroom;
  if (pool.spec().data_room < room)
    return base::Error(EINVAL, "with mtu " + std::to_string(spec.mtu) +
                                   " kind af_packet needs a data-room of at least " + std::to_string(room) +
                                   "; mempool " + pool.spec().name + " has " + std::to_string(pool.spec().data_room));
  SLUICE_TRY(BorrowedInterface interface, BorrowedInterface::borrow(options.interface, spec.mtu));
  const u16 descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors);
  const std::string args = "iface=" + options.interface + ",qpairs=" + std::to_string(spec.rx_queues) +
                           ",blocksz=" + std::to_string(std::max(frame_bytes, kBlockBytes)) +
                           ",framesz=" + std::to_string(frame_bytes) + ",framecnt=" + std::to_string(descriptors) +
                           ",qdisc_bypass=1";  // else the socket would receive what it sends
  SLUICE_TRY(EthDevice device, EthDevice::probe("net_af_packet_" + spec.name, args));
  const QueuePlan plan = {.rx_queues = spec.rx_queues,
                          .tx_queues = spec.rx_queues,
                          .rx_descriptors = descriptors,
                          .tx_descriptors = descriptors,
                          .set_mac = false};
  return finish_open(std::make_unique<AfPacketPort>(spec, pool, std::move(device), plan, std::move(interface)));
}

}  // namespace drivers
