// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/drivers/eal_environment.h"

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

namespace test {

using base::u16;
using base::u32;
using base::u8;

std::vector<u32> usable_cpus() {
  static const std::vector<u32> cpus = [] {  // before the EAL pins this thread
    cpu_set_t set;
    CPU_ZERO(&set);
    sched_getaffinity(0, sizeof set, &set);
    std::vector<u32> list;
    for (u32 cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) list.push_back(cpu);
    return list;
  }();
  return cpus;
}

drivers::EalOptions test_eal_options(const std::string& name, std::vector<u32> worker_cpus) {
  drivers::EalOptions options;
  options.file_prefix = "sluice-test-" + name + "-" + std::to_string(getpid());
  options.main_cpu = usable_cpus().front();
  options.worker_cpus = std::move(worker_cpus);
  options.memory = drivers::EalMemory::no_huge;
  options.no_huge_mb = 512;
  options.log_level = 4;  // errors
  return options;
}

int run_tests_on_eal(int argc, char** argv, const drivers::EalOptions& options) {
  testing::InitGoogleTest(&argc, argv);
  auto eal = drivers::Eal::start(options);
  if (!eal) {
    std::fprintf(stderr, "%s\n", eal.error().what().c_str());
    return 1;
  }
  return RUN_ALL_TESTS();
}

// destination | source | type | number | bytes that follow from the number
Frame make_frame(u32 number, u32 bytes) {
  Frame frame(bytes);
  const u8 head[14] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, kTestEtherType >> 8, kTestEtherType & 0xff};
  std::memcpy(frame.data(), head, sizeof head);
  std::memcpy(frame.data() + 14, &number, sizeof number);
  for (u32 i = 18; i < bytes; ++i) frame[i] = u8(number * 31 + i);
  return frame;
}

std::optional<u32> frame_number(const u8* data, u32 bytes) {
  if (bytes < 18 || data[12] != kTestEtherType >> 8 || data[13] != (kTestEtherType & 0xff)) return std::nullopt;
  u32 number = 0;
  std::memcpy(&number, data + 14, sizeof number);
  for (u32 i = 18; i < bytes; ++i)
    if (data[i] != u8(number * 31 + i)) return std::nullopt;
  return number;
}

u32 send_frames(drivers::Port& port, const std::vector<Frame>& frames, u16 queue) {
  u32 sent = 0;
  for (std::size_t at = 0; at < frames.size();) {
    rte_mbuf* burst[32];
    u16 count = 0;
    for (; count < 32 && at < frames.size(); ++at) {
      rte_mbuf* m = rte_pktmbuf_alloc(port.mempool().raw());
      if (!m) break;
      std::memcpy(rte_pktmbuf_append(m, u16(frames[at].size())), frames[at].data(), frames[at].size());
      burst[count++] = m;
    }
    if (count == 0) break;
    const u16 taken = rte_eth_tx_burst(port.id(), queue, burst, count);
    for (u16 i = taken; i < count; ++i) rte_pktmbuf_free(burst[i]);
    sent += taken;
    if (taken < count) break;
  }
  return sent;
}

std::vector<Frame> receive_frames(drivers::Port& port, u16 queue) {
  rte_mbuf* burst[32];
  const u16 count = rte_eth_rx_burst(port.id(), queue, burst, 32);
  std::vector<Frame> frames;
  for (u16 i = 0; i < count; ++i) {
    const u8* data = rte_pktmbuf_mtod(burst[i], const u8*);
    frames.emplace_back(data, data + burst[i]->data_len);
    rte_pktmbuf_free(burst[i]);
  }
  return frames;
}

bool wait_until(const std::function<bool()>& done) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  return true;
}

TempDir::TempDir() {
  char path[] = "/tmp/sluice-test-XXXXXX";
  if (!mkdtemp(path)) throw std::runtime_error("mkdtemp failed");
  path_ = path;
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void write_pcap(const std::string& path, const std::vector<Frame>& frames) {
  std::ofstream file(path, std::ios::binary);
  const auto put = [&](u32 v) { file.write(reinterpret_cast<const char*>(&v), 4); };
  put(0xa1b2c3d4), put(4u << 16 | 2), put(0), put(0), put(65535), put(1);
  for (const Frame& frame : frames) {
    put(1), put(0), put(u32(frame.size())), put(u32(frame.size()));
    file.write(reinterpret_cast<const char*>(frame.data()), std::streamsize(frame.size()));
  }
}

}  // namespace test
