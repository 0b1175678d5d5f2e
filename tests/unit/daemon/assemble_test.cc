// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/assemble.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "config/memory_need.h"

namespace control {
namespace {

class Assemble : public testing::Test {
 protected:
  Plan plan(const std::string& text, const std::vector<base::u32>& cpus = {0, 1, 2, 3}) {
    loaded_ = config::load_text("version: 1\n" + text, "test.yaml");
    EXPECT_TRUE(loaded_.ok()) << config::render_text(loaded_.diagnostics);
    return assemble(*loaded_.config, cpus, loaded_.diagnostics);
  }
  std::string complaints() const { return config::render_text(loaded_.diagnostics); }

  config::Result loaded_;
};

constexpr char kPorts[] = R"(
ports:
  list:
    - { name: a, kind: "null", ifindex: 2 }
    - { name: b, kind: "null" }
    - { name: c, kind: "null" }
)";

TEST_F(Assemble, PortsWithoutANumberGetTheLowestThatIsFree) {
  const auto ports = plan(kPorts).ports;
  ASSERT_EQ(ports.size(), 3U);
  EXPECT_EQ(ports[0].ifindex, 2U);
  EXPECT_EQ(ports[1].ifindex, 1U);
  EXPECT_EQ(ports[2].ifindex, 3U);
}

TEST_F(Assemble, WorkersWithoutACpuGetOneOfTheirOwnAndLeaveTheMainThreadsForLast) {
  const auto workers =
      plan("workers: { list: [ { name: x }, { name: y, cpu: 1 }, { name: z } ] }" + std::string(kPorts)).workers;
  ASSERT_EQ(workers.size(), 3U);
  EXPECT_EQ(workers[0].cpu, 2U);
  EXPECT_EQ(workers[1].cpu, 1U);
  EXPECT_EQ(workers[2].cpu, 3U);
}

TEST_F(Assemble, OneCpuServesMainThreadAndWorker) {
  const auto workers = plan(kPorts, {5}).workers;
  ASSERT_EQ(workers.size(), 1U);
  EXPECT_EQ(workers[0].cpu, 5U);
}

TEST_F(Assemble, MoreWorkersThanCpusAreRefusedAtTheirPlace) {
  plan("workers: { list: [ { name: x }, { name: y } ] }" + std::string(kPorts), {0});
  EXPECT_NE(complaints().find("worker 'y': no CPU left for it (1 usable, one worker each)"), std::string::npos)
      << complaints();
}

TEST_F(Assemble, ACpuThatTheProcessMayNotUseIsRefusedAtItsPlace) {
  plan("workers: { list: [ { name: x, cpu: 9 } ] }" + std::string(kPorts));
  EXPECT_NE(complaints().find("CPU 9 is not among those this process may use"), std::string::npos) << complaints();
}

TEST_F(Assemble, TheFiguresOfCheckAreThoseTheDriversTake) {
  const auto made = plan("mempools: [ { name: p, mbufs: 4095, data-room: 4096 } ]" + std::string(kPorts));
  const auto needs = config::pool_needs(*loaded_.config);
  ASSERT_EQ(needs.size(), made.mempools.size());
  for (std::size_t i = 0; i < needs.size(); ++i) {
    EXPECT_EQ(needs[i].mbufs, made.mempools[i].mbufs);
    const double drivers = double(drivers::mempool_bytes(made.mempools[i]));
    EXPECT_NEAR(double(needs[i].bytes), drivers, 0.02 * drivers);
  }
}

}  // namespace
}  // namespace control
