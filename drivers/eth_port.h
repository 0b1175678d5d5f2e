// SPDX-License-Identifier: Apache-2.0
// eth_port.h — the part that every kind of port shares: an ethdev, configured, started, stopped and taken out again.
//
// Shape     EthDevice owns a DPDK device, one of a vdev string or one of the PCI bus; EthPort adds queues and state; a
//           kind's file makes the string, and overrides where its driver differs.
// Threads   control thread.
// Errors    an errno of the driver, with what was asked of it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "drivers/port.h"

namespace drivers {

// Plain words for a negative errno of DPDK.
base::Error device_error(int code, const std::string& what);

// A probed vdev; removed when destroyed.
class EthDevice {
 public:
  static base::Result<EthDevice> probe(const std::string& device_name, const std::string& args);
  // A vdev that was made otherwise; from now on it is removed here.
  static EthDevice adopt(std::string device_name, u16 id) { return EthDevice(std::move(device_name), id, true); }
  // A device that the EAL found on the PCI bus; closed when destroyed, and not to be had again.
  static base::Result<EthDevice> find_on_bus(const std::string& address);
  EthDevice(EthDevice&& other) noexcept
      : name_(std::exchange(other.name_, {})), id_(other.id_), is_virtual_(other.is_virtual_) {}
  EthDevice& operator=(EthDevice&&) = delete;
  ~EthDevice();

  u16 id() const noexcept { return id_; }

 private:
  EthDevice(std::string name, u16 id, bool is_virtual) : name_(std::move(name)), id_(id), is_virtual_(is_virtual) {}

  std::string name_;
  u16 id_;
  bool is_virtual_;
};

struct QueuePlan {
  u16 rx_queues = 1;
  u16 tx_queues = 1;
  u16 rx_descriptors = 512;
  u16 tx_descriptors = 512;
  bool set_mac = true;  // false: the device's arguments did
  u32 mtu = 0;          // 0: the driver has no say in it
  bool rss = false;     // spread flows over the receive queues, as the device can
};

class EthPort : public Port {
 public:
  EthPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan)
      : Port(std::move(spec)), pool_(pool), device_(std::move(device)), plan_(plan) {}
  ~EthPort() override;

  // Second half of opening: queues, MTU, address.
  virtual base::Status configure();

  u16 id() const noexcept override { return device_.id(); }
  u16 rx_queue_count() const noexcept override { return plan_.rx_queues; }
  u16 tx_queue_count() const noexcept override { return plan_.tx_queues; }
  bool has_rss() const noexcept override { return plan_.rss; }
  MacAddress mac() const override;
  Mempool& mempool() const noexcept override { return pool_; }
  base::Status start() override;
  void stop() override;
  PortStats stats() const override;
  bool link_up() const override;

 protected:
  bool started() const noexcept { return started_; }

 private:
  base::Status set_up_queues();
  base::Status set_address();

  Mempool& pool_;
  EthDevice device_;
  QueuePlan plan_;
  bool started_ = false;
};

// Takes what the spec asks for, or the kind's default: how many of `wanted` transmit queues a port gets that can have
// `most`.
u16 choose_tx_queues(const PortSpec& spec, u16 wanted, u16 most);
u16 choose_descriptors(u16 asked, u16 fallback);
// For kinds whose queues come in pairs: at most `most` of them, as many transmit queues as receive queues.
base::Status check_paired_queues(const PortSpec& spec, u16 most);

// configure() and hand over.
template <class P>
base::Result<std::unique_ptr<Port>> finish_open(std::unique_ptr<P> port) {
  SLUICE_CHECK(port->configure());
  return std::unique_ptr<Port>(std::move(port));
}

// One per row of ports.def: check_<kind>_port looks at the options, open_<kind>_port makes the device.
#define PORT_KIND(name)                                   \
  base::Status check_##name##_port(const PortSpec& spec); \
  base::Result<std::unique_ptr<Port>> open_##name##_port(const PortSpec& spec, Mempool& pool, u16 tx_queues_wanted);
#include "drivers/ports.def"

}  // namespace drivers
