// SPDX-License-Identifier: Apache-2.0
// vhost_port.cc — the device side of a virtio network interface, for a virtual machine or a virtio_user port: DPDK's
// net_vhost.
//
// Shape     the front end (the machine) lends its memory; frames are copied in and out. As server the port listens and
//           takes whoever comes, again and again; as client it connects, and goes on trying when the other end is not
//           there or has gone. The link is up while a front end drives the queues.
// Source    https://doc.dpdk.org/guides-22.11/nics/vhost.html
#include <sys/socket.h>

#include "drivers/eth_port.h"
#include "drivers/unix_socket.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 64;

struct SocketHolder {
  ListenPath socket;
};

// The socket is a base that comes first: it is let go after the device.
class VhostPort final : private SocketHolder, public EthPort {
 public:
  VhostPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan, ListenPath socket)
      : SocketHolder{std::move(socket)}, EthPort(std::move(spec), pool, std::move(device), plan) {}

  bool copies_on_receive() const noexcept override { return true; }
  // The front end has the address that filters; this one is a name for it.
  MacAddress mac() const override { return spec().mac.value_or(EthPort::mac()); }
};

// `socket`: claimed where the port listens, else empty.
base::Result<std::unique_ptr<Port>> open_on(const PortSpec& spec, Mempool& pool, ListenPath socket) {
  const auto& options = std::get<VhostOptions>(spec.options);
  const std::string args = "iface=" + options.socket + ",queues=" + std::to_string(spec.rx_queues) +
                           ",client=" + (options.mode == SocketMode::client ? "1" : "0");
  SLUICE_TRY(EthDevice device, EthDevice::probe("net_vhost_" + spec.name, args));
  const QueuePlan plan = {.rx_queues = spec.rx_queues, .tx_queues = spec.rx_queues, .set_mac = false};
  return finish_open(std::make_unique<VhostPort>(spec, pool, std::move(device), plan, std::move(socket)));
}

}  // namespace

base::Status check_vhost_port(const PortSpec& spec) {
  const auto* options = std::get_if<VhostOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind vhost");
  SLUICE_CHECK(check_socket_path(options->socket));
  return check_paired_queues(spec, kQueuesMax);
}

base::Result<std::unique_ptr<Port>> open_vhost_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<VhostOptions>(spec.options);
  if (options.mode == SocketMode::client) return open_on(spec, pool, {});
  SLUICE_TRY(ListenPath socket, ListenPath::listen(options.socket, SOCK_STREAM, false));
  return open_on(spec, pool, std::move(socket));
}

}  // namespace drivers
