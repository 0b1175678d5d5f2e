// SPDX-License-Identifier: Apache-2.0
// rig.h — a data plane between ring ports whose other ends the test holds, and programs written in C++.
//
// Shape     Rig(names) makes for each name a port of the data plane and its peer outside. Programs are functions with
//           the engine's entry-point signatures, so the packet path is tested without the engine.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bpf/abi/host/sk_buff.h"
#include "bpf/abi/host/xdp_buff.h"
#include "dataplane/dataplane.h"
#include "tests/unit/drivers/eal_environment.h"

namespace test {

using base::u16;
using base::u32;
using base::u64;
using base::u8;

// What a test program does with one frame: a verdict, perhaps a redirect, perhaps moved borders.
using XdpFunction = u32 (*)(xdp_buff* ctx, bpf_env* env);

// `burst` false leaves the burst entry point out, as for a program the interpreter runs.
std::shared_ptr<const dataplane::AttachedProgram> make_program(XdpFunction function, u32 id = 1, bool burst = true,
                                                               bool moves_packet = true);
// The same for the TC hooks.
using TcFunction = u32 (*)(sk_buff* ctx, bpf_env* env);
std::shared_ptr<const dataplane::AttachedProgram> make_tc_program(TcFunction function, u32 id = 1);
// The helpers, as a compiled program would call them.
u32 redirect_to(bpf_env* env, u32 ifindex);
u32 redirect_to_map(bpf_env* env, u32 map_id, u32 ifindex, u32 flags);
// The number that make_frame wrote into the frame.
u32 number_of(const xdp_buff* ctx);
u32 number_of(const sk_buff* ctx);
// Numbers of the frames, in order; a damaged one is a failure.
std::vector<u32> numbers(const std::vector<Frame>& frames);
// first, first + step … below `count`.
std::vector<u32> every(u32 count, u32 step, u32 first);

struct RigOptions {
  u32 workers = 1;
  u32 mbufs = 8191;
  u32 ring_slots = 4096;
  u32 outside_mtu = 2000;
  std::vector<std::string> spread;  // for every port
  dataplane::Poll poll = dataplane::Poll::adaptive;
};

class Rig {
 public:
  explicit Rig(const std::vector<std::string>& names, const RigOptions& options = {});
  ~Rig();

  dataplane::Dataplane& plane() { return *plane_; }
  drivers::Port& outside(const std::string& name) { return *outside_.at(name); }
  drivers::Port& inside(const std::string& name) { return *inside_.at(name); }
  drivers::Mempool& pool() { return *pool_; }

  void start();
  // Sends frames in at `name`, waiting for room; all of them have been received by the data plane when it returns.
  void feed(const std::string& name, const std::vector<Frame>& frames);
  // The same while nothing runs yet: they wait in the ring.
  void feed_stopped(const std::string& name, const std::vector<Frame>& frames) {
    EXPECT_EQ(send_frames(outside(name), frames), frames.size());
  }
  void wait_received(const std::string& name, u64 packets) {
    EXPECT_TRUE(wait_until([&] { return inside(name).stats().rx_packets == packets; }));
  }
  void close_outside(const std::string& name) { outside_.erase(name); }
  // What has come out at `name` so far.
  std::vector<Frame> collect(const std::string& name);
  // Stops, checks the law of accounting against counters, devices and the pool, and returns the last snapshot.
  dataplane::Snapshot finish();

 private:
  std::unique_ptr<drivers::Mempool> pool_;
  std::map<std::string, std::unique_ptr<drivers::Port>> outside_;
  std::map<std::string, std::unique_ptr<drivers::Port>> inside_;
  std::unique_ptr<dataplane::Dataplane> plane_;
};

inline constexpr u32 kFirstIfindex = 10;  // of the first name of a Rig; the next ones follow

std::vector<Frame> numbered(u32 first, u32 count, u32 bytes = 64);
u64 drops(const dataplane::Snapshot& snapshot, const std::string& port, dataplane::DropReason reason);
u64 sent(const dataplane::Snapshot& snapshot, const std::string& entry, const std::string& egress);
// The law, and for a stopped data plane that devices agree.
void expect_accounted(const dataplane::Snapshot& snapshot, bool stopped);

}  // namespace test
