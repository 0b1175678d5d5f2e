// SPDX-License-Identifier: Apache-2.0
#include "perf/gen/ports.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

namespace perf {
namespace {

// Enough for both rings of a port, a burst in hand and the cache, twice; small enough for --no-huge.
constexpr unsigned kMbufs = 16383;
constexpr std::uint16_t kRingSize = 1024;

base::Error dpdk_error(const std::string& what, int rc) {
  return base::Error(rc < 0 ? -rc : EIO, what + ": " + rte_strerror(rc < 0 ? -rc : EIO));
}

base::Status start_eal(const GenOptions& o) {
  std::vector<std::string> words = {"gen", "--no-pci", "--no-telemetry", "--file-prefix", o.file_prefix,
                                    "--lcores", "0@" + std::to_string(o.cpu), "--log-level", "error"};
  if (o.no_huge) words.insert(words.end(), {"--no-huge", "-m", "512"});
  for (const auto& vdev : o.vdevs) words.insert(words.end(), {"--vdev", vdev});
  words.insert(words.end(), o.eal_extra.begin(), o.eal_extra.end());
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0)
    return base::Error(rte_errno, std::string("EAL does not start: ") + rte_strerror(rte_errno));
  return base::success();
}

base::Status start_port(std::uint16_t id, rte_mempool* pool) {
  const rte_eth_conf conf{};
  std::uint16_t rx = kRingSize, tx = kRingSize;
  if (int rc = rte_eth_dev_configure(id, 1, 1, &conf)) return dpdk_error("configure", rc);
  if (int rc = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx)) return dpdk_error("descriptors", rc);
  const int socket = rte_eth_dev_socket_id(id);
  if (int rc = rte_eth_rx_queue_setup(id, 0, rx, static_cast<unsigned>(socket), nullptr, pool))
    return dpdk_error("receive queue", rc);
  if (int rc = rte_eth_tx_queue_setup(id, 0, tx, static_cast<unsigned>(socket), nullptr))
    return dpdk_error("transmit queue", rc);
  if (int rc = rte_eth_dev_start(id)) return dpdk_error("start", rc);
  return base::success();
}

}  // namespace

base::Result<Ports> Ports::open(const GenOptions& options) {
  SLUICE_CHECK(start_eal(options));
  rte_mempool* pool = rte_pktmbuf_pool_create("gen", kMbufs, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool == nullptr) return base::Error(rte_errno, std::string("packet buffers: ") + rte_strerror(rte_errno));
  Ports ports({}, pool);
  for (const auto& vdev : options.vdevs) {
    const std::string name = vdev.substr(0, vdev.find(','));
    std::uint16_t id = 0;
    if (int rc = rte_eth_dev_get_port_by_name(name.c_str(), &id)) return dpdk_error(name, rc);
    SLUICE_CHECK(start_port(id, pool).in(name));
    ports.ids_.push_back(id);
  }
  return ports;
}

Ports::~Ports() {
  for (std::uint16_t id : ids_) {
    (void)rte_eth_dev_stop(id);
    (void)rte_eth_dev_close(id);
  }
}

bool Ports::wait_for_links(double seconds) const {
  using namespace std::chrono;
  const auto until = steady_clock::now() + duration<double>(seconds);
  for (std::uint16_t id : ids_) {
    rte_eth_link link{};
    while (rte_eth_link_get_nowait(id, &link) != 0 || link.link_status != RTE_ETH_LINK_UP) {
      if (steady_clock::now() >= until) return false;
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  return true;
}

}  // namespace perf
