// SPDX-License-Identifier: Apache-2.0
// tap_port.cc — an interface of the kernel: DPDK's net_tap. The interface lives in the network namespace of this
// thread.
#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>

#include "drivers/eth_port.h"
#include "drivers/host_interface.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 16;     // RTE_PMD_TAP_MAX_QUEUES
constexpr u16 kDescriptors = 256;  // each holds a buffer of the pool while the port is open

const std::string& interface_name(const PortSpec& spec) {
  const auto& options = std::get<TapOptions>(spec.options);
  return options.interface.empty() ? spec.name : options.interface;
}

base::Status check_access() {
  const int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  if (fd < 0) return device_error(errno, "/dev/net/tun");
  close(fd);
  return base::success();
}

class TapPort final : public EthPort {
 public:
  using EthPort::EthPort;

  bool copies_on_receive() const noexcept override { return true; }

  // ethdev bounds the MTU by a frame size that the driver states too low, so the kernel is asked directly.
  base::Status configure() override {
    SLUICE_CHECK(EthPort::configure());
    return set_interface_mtu(interface_name(spec()), mtu());
  }
};

}  // namespace

base::Status check_tap_port(const PortSpec& spec) {
  const auto* options = std::get_if<TapOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind tap");
  SLUICE_CHECK(check_interface_name(interface_name(spec)));
  return check_paired_queues(spec, kQueuesMax);
}

base::Result<std::unique_ptr<Port>> open_tap_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<TapOptions>(spec.options);
  const std::string& name = interface_name(spec);
  SLUICE_CHECK(check_access());
  const bool exists = if_nametoindex(name.c_str()) != 0;
  if (exists && !options.persist) return base::Error(EEXIST, "interface " + name + " exists already");
  std::string args = "iface=" + name;
  if (options.persist) args += ",persist";
  if (spec.mac) args += ",mac=" + format_mac(*spec.mac);
  auto device = EthDevice::probe("net_tap_" + spec.name, args);
  if (!device) {
    if (geteuid() != 0)
      return base::Error(EPERM,
                         "interface " + name + " could not be made: it takes CAP_NET_ADMIN in this network namespace");
    return std::move(device).error();
  }
  const u16 descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors);
  const QueuePlan plan = {.rx_queues = spec.rx_queues,
                          .tx_queues = spec.rx_queues,
                          .rx_descriptors = descriptors,
                          .tx_descriptors = descriptors,
                          .set_mac = false};
  return finish_open(std::make_unique<TapPort>(spec, pool, *std::move(device), plan));
}

}  // namespace drivers
