// SPDX-License-Identifier: Apache-2.0
// virtio_user_port.cc — the driver side of a virtio network interface whose device is another process: DPDK's
// net_virtio_user over a vhost-user socket.
//
// Shape     the other end (a vhost port, a software switch) maps the memory that our buffers lie in and copies frames
//           in and out of them. As client the port needs somebody listening when it opens, and does not come back when
//           that end goes; as server it waits, and takes whoever comes next.
// Memory    what is shared must be files: hugepages (then --single-file-segments keeps them few enough) or the one
//           memory file of --no-huge.
// Source    https://doc.dpdk.org/guides-22.11/howto/virtio_user_for_container_networking.html
#include <sys/socket.h>

#include "drivers/eth_port.h"
#include "drivers/unix_socket.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 8;      // VIRTIO_MAX_VIRTQUEUE_PAIRS
constexpr u16 kDescriptors = 256;  // each holds a buffer of the pool while the port is open

struct SocketHolder {
  ListenPath socket;
};

// The socket is a base that comes first: it is let go after the device.
class VirtioUserPort final : private SocketHolder, public EthPort {
 public:
  VirtioUserPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan, ListenPath socket)
      : SocketHolder{std::move(socket)}, EthPort(std::move(spec), pool, std::move(device), plan) {}
};

std::string make_args(const PortSpec& spec, const VirtioUserOptions& options, u16 descriptors) {
  std::string args = "path=" + options.socket + ",queues=" + std::to_string(spec.rx_queues) +
                     ",queue_size=" + std::to_string(descriptors);
  if (spec.rx_queues > 1) args += ",cq=1";  // the driver wants it for several queues
  if (options.mode == SocketMode::server) args += ",server=1";
  if (spec.mac) args += ",mac=" + format_mac(*spec.mac);
  return args;
}

// `socket`: claimed where the port listens, else empty.
base::Result<std::unique_ptr<Port>> open_on(const PortSpec& spec, Mempool& pool, ListenPath socket) {
  const auto& options = std::get<VirtioUserOptions>(spec.options);
  const u16 descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors);
  SLUICE_TRY(EthDevice device, EthDevice::probe("net_virtio_user_" + spec.name, make_args(spec, options, descriptors)));
  const QueuePlan plan = {.rx_queues = spec.rx_queues,
                          .tx_queues = spec.rx_queues,
                          .rx_descriptors = descriptors,
                          .tx_descriptors = descriptors,
                          .set_mac = false};
  return finish_open(std::make_unique<VirtioUserPort>(spec, pool, std::move(device), plan, std::move(socket)));
}

}  // namespace

base::Status check_virtio_user_port(const PortSpec& spec) {
  const auto* options = std::get_if<VirtioUserOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind virtio_user");
  SLUICE_CHECK(check_socket_path(options->socket));
  const u16 descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors);
  if (descriptors < 64 || descriptors > 32768 || (descriptors & (descriptors - 1)))
    return base::Error(EINVAL, "rxd " + std::to_string(descriptors) + " is not a power of two in 64 to 32768");
  return check_paired_queues(spec, kQueuesMax);
}

base::Result<std::unique_ptr<Port>> open_virtio_user_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<VirtioUserOptions>(spec.options);
  if (options.mode == SocketMode::server) {
    SLUICE_TRY(ListenPath socket, ListenPath::listen(options.socket, SOCK_STREAM, false));
    return open_on(spec, pool, std::move(socket));
  }
  switch (probe_socket(options.socket, SOCK_STREAM)) {
    case SocketState::absent:
      return base::Error(ENOENT, "socket " + options.socket + " does not exist: the other end has to be up first");
    case SocketState::stale:
      return base::Error(ECONNREFUSED, "socket " + options.socket + ": nobody listens there any more");
    case SocketState::other:
      return base::Error(ENOTSOCK, options.socket + " is no socket");
    case SocketState::alive:
      break;
  }
  return open_on(spec, pool, {});
}

}  // namespace drivers
