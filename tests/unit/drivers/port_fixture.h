// SPDX-License-Identifier: Apache-2.0
// port_fixture.h — a mempool that must be full again when a test is over, and frames through its ports.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/drivers/eal_environment.h"

namespace drivers {

using test::Frame;

inline constexpr u32 kFrames = 1000;

class Ports : public testing::Test {
 protected:
  void SetUp() override {
    auto pool = Mempool::make({.name = "test", .mbufs = 8191, .cache = 0});
    ASSERT_TRUE(pool) << pool.error().what();
    pool_ = *std::move(pool);
  }
  void TearDown() override { EXPECT_EQ(pool_->available(), pool_->size()) << "buffers leaked"; }

  std::unique_ptr<Port> open(const PortSpec& spec) {
    auto port = open_port(spec, *pool_);
    if (!port) {
      ADD_FAILURE() << port.error().what();
      return nullptr;
    }
    const auto status = (*port)->start();
    EXPECT_TRUE(status) << status.error().what();
    return *std::move(port);
  }
  std::string open_error(const PortSpec& spec, int code) {
    auto port = open_port(spec, *pool_);
    if (port) return "opened";
    EXPECT_EQ(port.error().code(), code) << port.error().what();
    return port.error().what();
  }

  std::unique_ptr<Mempool> pool_;
  test::TempDir dir_;
};

inline std::vector<Frame> numbered_frames(u32 first, u32 count, u32 bytes = 64) {
  std::vector<Frame> frames;
  for (u32 i = 0; i < count; ++i) frames.push_back(test::make_frame(first + i, bytes));
  return frames;
}

// Sends kFrames from one port and takes them from the other, in order, whole.
inline void pass_frames(Port& from, Port& to) {
  u32 sent = 0, received = 0;
  const bool done = test::wait_until([&] {
    if (sent < kFrames)
      sent += test::send_frames(from, numbered_frames(sent, std::min(32u, kFrames - sent), 60 + sent % 1400));
    for (const Frame& frame : test::receive_frames(to)) {
      const auto number = test::frame_number(frame.data(), u32(frame.size()));
      if (!number) continue;
      EXPECT_EQ(*number, received);
      ++received;
    }
    return received == kFrames;
  });
  EXPECT_TRUE(done) << "sent " << sent << ", received " << received;
}

}  // namespace drivers
