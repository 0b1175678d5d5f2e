// SPDX-License-Identifier: Apache-2.0
// memif_port.cc — shared-memory packet interface to another process: DPDK's net_memif.
#include <sys/socket.h>

#include "drivers/eth_port.h"
#include "drivers/unix_socket.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 255;
constexpr u16 kDescriptors = 1024;  // the driver's ring; it rounds to a power of two

struct SocketHolder {
  ListenPath socket;
};

// The socket is a base that comes first: it is destroyed after the device.
class MemifPort final : private SocketHolder, public EthPort {
 public:
  MemifPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan, ListenPath socket)
      : SocketHolder{std::move(socket)}, EthPort(std::move(spec), pool, std::move(device), plan) {}

  bool copies_on_receive() const noexcept override { return !std::get<MemifOptions>(spec().options).zero_copy; }
};

std::string make_args(const PortSpec& spec, const MemifOptions& options) {
  u32 log2_ring = 0;
  while ((1u << log2_ring) < choose_descriptors(spec.rx_descriptors, kDescriptors)) ++log2_ring;
  std::string args = std::string("role=") + (options.role == MemifOptions::Role::server ? "server" : "client") +
                     ",id=" + std::to_string(options.id) + ",socket=" + options.socket +
                     ",socket-abstract=no,bsize=" + std::to_string(options.buffer_bytes) +
                     ",rsize=" + std::to_string(log2_ring);
  if (spec.mac) args += ",mac=" + format_mac(*spec.mac);
  if (!options.secret.empty()) args += ",secret=" + options.secret;
  if (options.zero_copy) args += ",zero-copy=yes";
  return args;
}

// `socket`: claimed where the port listens, else empty.
base::Result<std::unique_ptr<Port>> open_on(const PortSpec& spec, Mempool& pool, ListenPath socket) {
  const auto& options = std::get<MemifOptions>(spec.options);
  SLUICE_TRY(EthDevice device, EthDevice::probe("net_memif_" + spec.name, make_args(spec, options)));
  const u16 descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors);
  // One transmit queue unless asked for more: the peer decides how many it reads, and frames on one it does not read
  // would be lost.
  const QueuePlan plan = {.rx_queues = spec.rx_queues,
                          .tx_queues = choose_tx_queues(spec, 1, 1),
                          .rx_descriptors = descriptors,
                          .tx_descriptors = descriptors,
                          .set_mac = false};
  return finish_open(std::make_unique<MemifPort>(spec, pool, std::move(device), plan, std::move(socket)));
}

}  // namespace

base::Status check_memif_port(const PortSpec& spec) {
  const auto* options = std::get_if<MemifOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind memif");
  SLUICE_CHECK(check_socket_path(options->socket));
  if (options->secret.find(',') != std::string::npos) return base::Error(EINVAL, "secret cannot hold a comma");
  if (options->secret.size() > 24) return base::Error(EINVAL, "secret has more than 24 characters");
  if (options->zero_copy && options->role == MemifOptions::Role::server)
    return base::Error(EINVAL, "zero-copy is the client's choice, not the server's");
  if (options->buffer_bytes < spec.mtu + 18 || options->buffer_bytes > 65535)
    return base::Error(EINVAL,
                       "buffer-bytes " + std::to_string(options->buffer_bytes) + " is not in mtu + 18 to 65535");
  if (spec.rx_queues > kQueuesMax || spec.tx_queues > kQueuesMax)
    return base::Error(EINVAL, "kind memif has at most " + std::to_string(kQueuesMax) + " queues");
  const u16 descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors);
  if (descriptors < 64 || descriptors > 16384 || (descriptors & (descriptors - 1)))
    return base::Error(EINVAL, "rxd " + std::to_string(descriptors) + " is not a power of two in 64 to 16384");
  return base::success();
}

// Servers of this process share a socket (each its own id): the first one finds it clean, later ones find it alive.
base::Result<std::unique_ptr<Port>> open_memif_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<MemifOptions>(spec.options);
  if (options.role == MemifOptions::Role::client) return open_on(spec, pool, {});
  SLUICE_TRY(ListenPath socket, ListenPath::listen(options.socket, SOCK_SEQPACKET, true));
  return open_on(spec, pool, std::move(socket));
}

}  // namespace drivers
