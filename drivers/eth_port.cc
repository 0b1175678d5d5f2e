// SPDX-License-Identifier: Apache-2.0
#include "drivers/eth_port.h"

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

#include <algorithm>
#include <cstring>

namespace drivers {

base::Error device_error(int code, const std::string& what) {
  const int positive = code < 0 ? -code : code;
  return base::Error(positive ? positive : EIO, what + ": " + std::strerror(positive ? positive : EIO));
}

base::Result<EthDevice> EthDevice::probe(const std::string& device_name, const std::string& args) {
  if (device_name.size() >= RTE_ETH_NAME_MAX_LEN)
    return base::Error(ENAMETOOLONG, "device name " + device_name + " is too long for DPDK");
  if (const int rc = rte_vdev_init(device_name.c_str(), args.c_str()); rc != 0)
    return device_error(rc, "driver refused '" + device_name + "," + args + "'");
  u16 id = 0;
  if (const int rc = rte_eth_dev_get_port_by_name(device_name.c_str(), &id); rc != 0) {
    rte_vdev_uninit(device_name.c_str());
    return device_error(rc, "driver made no port of '" + device_name + "'");
  }
  return EthDevice(device_name, id, true);
}

base::Result<EthDevice> EthDevice::find_on_bus(const std::string& address) {
  u16 id = 0;
  if (const int rc = rte_eth_dev_get_port_by_name(address.c_str(), &id); rc != 0)
    return device_error(rc, "no driver of DPDK took device " + address);
  return EthDevice(address, id, false);
}

EthDevice::~EthDevice() {
  if (name_.empty()) return;
  if (is_virtual_)
    rte_vdev_uninit(name_.c_str());  // closes the port
  else
    rte_eth_dev_close(id_);
}

EthPort::~EthPort() {
  EthPort::stop();
}

base::Status EthPort::set_up_queues() {
  const int socket = rte_eth_dev_socket_id(id());
  for (u16 q = 0; q < plan_.rx_queues; ++q)
    if (const int rc = rte_eth_rx_queue_setup(id(), q, plan_.rx_descriptors, u32(socket), nullptr, pool_.raw());
        rc != 0)
      return device_error(
          rc, "receive queue " + std::to_string(q) + " with " + std::to_string(plan_.rx_descriptors) + " descriptors");
  for (u16 q = 0; q < plan_.tx_queues; ++q)
    if (const int rc = rte_eth_tx_queue_setup(id(), q, plan_.tx_descriptors, u32(socket), nullptr); rc != 0)
      return device_error(
          rc, "transmit queue " + std::to_string(q) + " with " + std::to_string(plan_.tx_descriptors) + " descriptors");
  return base::success();
}

base::Status EthPort::set_address() {
  if (!spec_.mac || !plan_.set_mac) return base::success();
  rte_ether_addr address;
  std::copy(spec_.mac->begin(), spec_.mac->end(), address.addr_bytes);
  const int rc = rte_eth_dev_default_mac_addr_set(id(), &address);
  if (rc == 0) return base::success();
  return device_error(rc, "address " + format_mac(*spec_.mac));
}

base::Status EthPort::configure() {
  rte_eth_dev_info info;
  if (const int rc = rte_eth_dev_info_get(id(), &info); rc != 0) return device_error(rc, "device information");
  if (plan_.rx_queues > info.max_rx_queues || plan_.tx_queues > info.max_tx_queues)
    return base::Error(EINVAL, "the driver has " + std::to_string(info.max_rx_queues) + " receive and " +
                                   std::to_string(info.max_tx_queues) + " transmit queues, not " +
                                   std::to_string(plan_.rx_queues) + " and " + std::to_string(plan_.tx_queues));
  rte_eth_conf conf = {};
  conf.rxmode.mtu = plan_.mtu;
  if (plan_.rss) {
    constexpr u64 kFlows = RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_SCTP;
    conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
    conf.rx_adv_conf.rss_conf.rss_hf = kFlows & info.flow_type_rss_offloads;
  }
  if (const int rc = rte_eth_dev_configure(id(), plan_.rx_queues, plan_.tx_queues, &conf); rc != 0)
    return device_error(rc, "configuration with " + std::to_string(plan_.rx_queues) + " receive and " +
                                std::to_string(plan_.tx_queues) + " transmit queues");
  SLUICE_CHECK(set_up_queues());
  return set_address();
}

base::Status EthPort::start() {
  if (started_) return base::success();
  if (const int rc = rte_eth_dev_start(id()); rc != 0) return device_error(rc, "port " + name() + ": start");
  started_ = true;
  if (spec_.promisc)
    rte_eth_promiscuous_enable(id());  // drivers without filters answer ENOTSUP: they are promiscuous anyway
  return base::success();
}

void EthPort::stop() {
  if (!started_) return;
  rte_eth_dev_stop(id());
  started_ = false;
}

MacAddress EthPort::mac() const {
  rte_ether_addr address = {};
  rte_eth_macaddr_get(id(), &address);
  MacAddress mac;
  std::copy_n(address.addr_bytes, mac.size(), mac.begin());
  return mac;
}

PortStats EthPort::stats() const {
  rte_eth_stats raw = {};
  rte_eth_stats_get(id(), &raw);
  return {.rx_packets = raw.ipackets,
          .rx_bytes = raw.ibytes,
          .tx_packets = raw.opackets,
          .tx_bytes = raw.obytes,
          .rx_missed = raw.imissed,
          .rx_errors = raw.ierrors,
          .rx_nombuf = raw.rx_nombuf,
          .tx_errors = raw.oerrors};
}

bool EthPort::link_up() const {
  rte_eth_link link = {};
  return rte_eth_link_get_nowait(id(), &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

u16 choose_tx_queues(const PortSpec& spec, u16 wanted, u16 most) {
  return spec.tx_queues ? spec.tx_queues : std::clamp<u16>(wanted, 1, most);
}

u16 choose_descriptors(u16 asked, u16 fallback) {
  return asked ? asked : fallback;
}

base::Status check_paired_queues(const PortSpec& spec, u16 most) {
  const std::string kind(port_kind_name(spec.kind));
  if (spec.rx_queues > most)
    return base::Error(EINVAL, "kind " + kind + " has at most " + std::to_string(most) + " queues");
  if (spec.tx_queues && spec.tx_queues != spec.rx_queues)
    return base::Error(EINVAL, "kind " + kind + " has as many transmit queues as receive queues");
  return base::success();
}

}  // namespace drivers
