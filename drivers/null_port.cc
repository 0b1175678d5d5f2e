// SPDX-License-Identifier: Apache-2.0
// null_port.cc — a port without a wire: DPDK's net_null. It never writes the frames it delivers.
#include <algorithm>

#include "drivers/eth_port.h"

namespace drivers {
namespace {

constexpr u16 kQueuesMax = 64;

class NullPort final : public EthPort {
 public:
  using EthPort::EthPort;

  bool copies_on_receive() const noexcept override { return true; }  // few buffers go round, and stay in the cache
};

}  // namespace

base::Status check_null_port(const PortSpec& spec) {
  const auto* options = std::get_if<NullOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind null");
  if (options->frame_bytes < 14 || options->frame_bytes > spec.mtu + 18)
    return base::Error(EINVAL, "frame-bytes " + std::to_string(options->frame_bytes) + " is not in 14 to mtu + 18");
  if (spec.rx_queues > kQueuesMax || spec.tx_queues > kQueuesMax)
    return base::Error(EINVAL, "kind null has at most " + std::to_string(kQueuesMax) + " queues");
  return base::success();
}

base::Result<std::unique_ptr<Port>> open_null_port(const PortSpec& spec, Mempool& pool, u16 tx_queues_wanted) {
  const auto& options = std::get<NullOptions>(spec.options);
  const std::string args =
      "size=" + std::to_string(options.frame_bytes) + ",copy=0" + (options.receive ? "" : ",no-rx=1");
  SLUICE_TRY(EthDevice device, EthDevice::probe("net_null_" + spec.name, args));
  const QueuePlan plan = {.rx_queues = spec.rx_queues,
                          .tx_queues = choose_tx_queues(spec, tx_queues_wanted, kQueuesMax)};
  return finish_open(std::make_unique<NullPort>(spec, pool, std::move(device), plan));
}

}  // namespace drivers
