// SPDX-License-Identifier: Apache-2.0
// eal_environment.h — one EAL for a whole test binary, and frames to send through its ports.
//
// Shape     SLUICE_EAL_TEST_MAIN(options...) is the binary's main. Frames carry a number and an EtherType of local
//           experiments (0x88b5), so that a test knows its own among what a kernel interface sends by itself.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "drivers/eal.h"
#include "drivers/port.h"

namespace test {

inline constexpr base::u16 kTestEtherType = 0x88b5;

// The options every test starts from: no hugepages, no devices, one lcore per CPU of `worker_cpus`.
drivers::EalOptions test_eal_options(const std::string& name, std::vector<base::u32> worker_cpus = {});
// CPUs this process may run on.
std::vector<base::u32> usable_cpus();
// gtest's main with an EAL around it.
int run_tests_on_eal(int argc, char** argv, const drivers::EalOptions& options);

using Frame = std::vector<base::u8>;
Frame make_frame(base::u32 number, base::u32 bytes = 64);
// The number of a frame made by make_frame, or nothing if it is not one of ours or its filling is damaged.
std::optional<base::u32> frame_number(const base::u8* data, base::u32 bytes);

// One attempt; frames that the port did not take are freed. Returns how many it took.
base::u32 send_frames(drivers::Port& port, const std::vector<Frame>& frames, base::u16 queue = 0);
// One poll of up to 32 frames.
std::vector<Frame> receive_frames(drivers::Port& port, base::u16 queue = 0);
// Polls until `done` says so, or five seconds are over.
bool wait_until(const std::function<bool()>& done);

// A directory of its own that disappears with the object.
class TempDir {
 public:
  TempDir();
  ~TempDir();
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Writes a classic pcap file by hand, independent of CaptureWriter.
void write_pcap(const std::string& path, const std::vector<Frame>& frames);

}  // namespace test
