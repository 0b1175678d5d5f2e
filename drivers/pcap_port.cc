// SPDX-License-Identifier: Apache-2.0
// pcap_port.cc — a port that replays a file and writes what it is sent to another one.
//
// Shape     receive: DPDK's net_pcap (net_null without receiving when there is no rx_file). Transmit: a callback on
//           the device's one transmit queue copies frames to a CaptureWriter before the device swallows them; when
//           the writer has no room, the device takes fewer frames and the pipeline sees a full queue.
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <ctime>

#include "drivers/capture_file.h"
#include "drivers/eth_port.h"

namespace drivers {
namespace {

constexpr u32 kSegmentsMax = 16;

bool append_frame(CaptureWriter& writer, u64 time_ns, const rte_mbuf* frame) {
  const void* parts[kSegmentsMax];
  u32 bytes[kSegmentsMax];
  u32 count = 0;
  for (const rte_mbuf* m = frame; m && count < kSegmentsMax; m = m->next, ++count) {
    parts[count] = rte_pktmbuf_mtod(m, const void*);
    bytes[count] = m->data_len;
  }
  return writer.try_append(time_ns, parts, bytes, count);
}

u16 copy_to_writer(u16, u16, rte_mbuf** frames, u16 count, void* writer) {
  timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const u64 time_ns = u64(now.tv_sec) * 1000000000 + u64(now.tv_nsec);
  for (u16 i = 0; i < count; ++i)
    if (!append_frame(*static_cast<CaptureWriter*>(writer), time_ns, frames[i])) return i;
  return count;
}

class PcapPort final : public EthPort {
 public:
  PcapPort(PortSpec spec, Mempool& pool, EthDevice device, QueuePlan plan, std::optional<u64> frames,
           std::unique_ptr<CaptureWriter> writer)
      : EthPort(std::move(spec), pool, std::move(device), plan), frames_(frames), writer_(std::move(writer)) {}

  ~PcapPort() override {
    stop();
    if (callback_) rte_eth_remove_tx_callback(id(), 0, callback_);
  }

  bool copies_on_receive() const noexcept override { return true; }

  base::Status configure() override {
    SLUICE_CHECK(EthPort::configure());
    if (!writer_) return base::success();
    callback_ = rte_eth_add_tx_callback(id(), 0, copy_to_writer, writer_.get());
    if (!callback_) return base::Error(ENOTSUP, "DPDK was built without transmit callbacks");
    return base::success();
  }

  std::optional<u64> input_left() const override {
    if (!frames_) return std::nullopt;
    const PortStats done = stats();
    const u64 taken = done.rx_packets + done.rx_errors;
    return taken >= *frames_ ? 0 : *frames_ - taken;
  }

  base::Status flush() override { return writer_ ? writer_->flush().in("port " + name()) : base::success(); }

 private:
  std::optional<u64> frames_;  // of a file that is replayed once
  std::unique_ptr<CaptureWriter> writer_;
  const rte_eth_rxtx_callback* callback_ = nullptr;
};

bool has_comma(const std::string& text) {
  return text.find(',') != std::string::npos;
}

base::Result<CaptureSummary> check_input(const PcapOptions& options, const Mempool& pool) {
  SLUICE_TRY(CaptureSummary input, scan_capture(options.rx_file));
  if (options.loop && input.packets == 0) return base::Error(EINVAL, options.rx_file + ": holds no frame to loop over");
  // A loop keeps the whole file in buffers.
  if (options.loop && input.packets >= pool.available() / 2)
    return base::Error(ENOMEM, options.rx_file + ": looping keeps its " + std::to_string(input.packets) +
                                   " frames in buffers; mempool " + pool.spec().name + " has " +
                                   std::to_string(pool.available()) + " free");
  return input;
}

base::Result<std::unique_ptr<CaptureWriter>> open_writer(const PcapOptions& options, const std::string& name) {
  if (options.tx_file.empty()) return std::unique_ptr<CaptureWriter>();
  const auto format = options.tx_file.ends_with(".pcapng") ? CaptureFormat::pcapng : CaptureFormat::pcap;
  return CaptureWriter::create(options.tx_file, format, name);
}

}  // namespace

base::Status check_pcap_port(const PortSpec& spec) {
  const auto* options = std::get_if<PcapOptions>(&spec.options);
  if (!options) return base::Error(EINVAL, "the options are not those of kind pcap");
  if (options->rx_file.empty() && options->tx_file.empty())
    return base::Error(EINVAL, "neither rx-file nor tx-file is given");
  if (has_comma(options->rx_file)) return base::Error(EINVAL, "rx-file: DPDK takes no path with a comma");
  if (spec.rx_queues != 1 || spec.tx_queues > 1)
    return base::Error(EINVAL, "kind pcap has one queue in each direction");
  if (spec.mac) return base::Error(EINVAL, "kind pcap takes no mac");
  if (options->loop && options->rx_file.empty()) return base::Error(EINVAL, "loop without rx-file");
  if (!options->rx_file.empty()) SLUICE_CHECK(scan_capture(options->rx_file));
  return base::success();
}

base::Result<std::unique_ptr<Port>> open_pcap_port(const PortSpec& spec, Mempool& pool, u16) {
  const auto& options = std::get<PcapOptions>(spec.options);
  std::optional<u64> frames;
  std::string name = "net_null_" + spec.name, args = "no-rx=1,size=64";
  if (!options.rx_file.empty()) {
    SLUICE_TRY(const CaptureSummary input, check_input(options, pool));
    if (!options.loop) frames = input.packets;
    name = "net_pcap_" + spec.name;
    args = "rx_pcap=" + options.rx_file + (options.loop ? ",infinite_rx=1" : "");
  }
  SLUICE_TRY(EthDevice device, EthDevice::probe(name, args));
  SLUICE_TRY(std::unique_ptr<CaptureWriter> writer, open_writer(options, spec.name));
  return finish_open(std::make_unique<PcapPort>(spec, pool, std::move(device), QueuePlan{}, frames, std::move(writer)));
}

}  // namespace drivers
