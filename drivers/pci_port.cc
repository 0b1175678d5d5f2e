// SPDX-License-Identifier: Apache-2.0
// pci_port.cc — a network card that DPDK drives by itself, taken from the kernel before (`sluice port bind`).
//
// Shape     the EAL is told the addresses of all ports of this kind at its start and touches no other device; opening
//           the port finds the device among those that a driver took. Several queues: the device spreads flows over
//           them.
// State     never run by us on a card: what is tested is what it is asked and what it says when there is none.
#include <rte_ethdev.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "drivers/eth_port.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 64;
constexpr u16 kDescriptors = 1024;

bool is_address(const std::string& text) {  // dddd:bb:dd.f
  const std::string form = "hhhh:hh:hh.o";
  if (text.size() != form.size()) return false;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (form[i] == 'h' ? !std::isxdigit(c) : form[i] == 'o' ? c < '0' || c > '7' : text[i] != form[i]) return false;
  }
  return true;
}

// Why no driver of DPDK has it, as sysfs tells.
base::Error explain_absence(const std::string& address) {
  const std::filesystem::path device = "/sys/bus/pci/devices/" + address;
  std::error_code error;
  if (!std::filesystem::exists(device, error)) return base::Error(ENODEV, "there is no PCI device " + address);
  const auto driver = std::filesystem::read_symlink(device / "driver", error);
  if (error)
    return base::Error(ENODEV, "device " + address + " has no driver: bind it with sluice port bind " + address);
  return base::Error(EBUSY, "device " + address + " belongs to the driver " + driver.filename().string() +
                                ", which DPDK could not use: bind it to vfio-pci with sluice port bind " + address);
}

}  // namespace

base::Status check_pci_port(const PortSpec& spec) {
  const auto* options = std::get_if<PciOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind pci");
  if (!is_address(options->address))
    return base::Error(EINVAL, "address '" + options->address + "' is not of the form 0000:3b:00.0");
  if (spec.rx_queues > kQueuesMax || spec.tx_queues > kQueuesMax)
    return base::Error(EINVAL, "kind pci has at most " + std::to_string(kQueuesMax) + " queues");
  return base::success();
}

base::Result<std::unique_ptr<Port>> open_pci_port(const PortSpec& spec, Mempool& pool, u16 tx_queues_wanted) {
  const auto& options = std::get<PciOptions>(spec.options);
  auto device = EthDevice::find_on_bus(options.address);
  if (!device) return explain_absence(options.address);
  rte_eth_dev_info info = {};
  if (const int rc = rte_eth_dev_info_get(device->id(), &info); rc != 0) return device_error(rc, "device information");
  QueuePlan plan = {.rx_queues = spec.rx_queues,
                    .tx_queues = choose_tx_queues(spec, tx_queues_wanted, std::min(info.max_tx_queues, kQueuesMax)),
                    .rx_descriptors = choose_descriptors(spec.rx_descriptors, kDescriptors),
                    .tx_descriptors = choose_descriptors(spec.tx_descriptors, kDescriptors),
                    .mtu = spec.mtu,
                    .rss = spec.rx_queues > 1};
  if (const int rc = rte_eth_dev_adjust_nb_rx_tx_desc(device->id(), &plan.rx_descriptors, &plan.tx_descriptors);
      rc != 0)
    return device_error(rc, "numbers of descriptors");
  return finish_open(std::make_unique<EthPort>(spec, pool, *std::move(device), plan));
}

}  // namespace drivers
