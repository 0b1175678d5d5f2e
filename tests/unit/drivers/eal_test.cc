// SPDX-License-Identifier: Apache-2.0
// The EAL: its arguments, its refusals, and that nothing is left of it. Each start needs a process of its own.
#include "drivers/eal.h"

#include <gtest/gtest.h>
#include <rte_log.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "drivers/mempool.h"
#include "tests/unit/drivers/eal_environment.h"

namespace drivers {
namespace {

bool has(const std::vector<std::string>& argv, const std::string& arg) {
  return std::find(argv.begin(), argv.end(), arg) != argv.end();
}

// Runs `body` in a child; its return value is the verdict.
int in_child(const std::function<int()>& body) {
  const pid_t child = fork();
  if (child == 0) _exit(body());
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::filesystem::path runtime_dir(const std::string& prefix) {
  if (geteuid() == 0) return "/var/run/dpdk/" + prefix;
  const char* dir = getenv("XDG_RUNTIME_DIR");
  return std::string(dir ? dir : "/tmp") + "/dpdk/" + prefix;
}

TEST(EalArguments, SayWhatTheOptionsSay) {
  EalOptions options = {.file_prefix = "edge0", .main_cpu = 0, .worker_cpus = {2, 4}, .socket_mb = {512, 256}};
  options.extra = {"--trace=off", "x"};
  const auto huge = make_eal_argv(options, EalMemory::hugepages);
  EXPECT_TRUE(has(huge, "--file-prefix=edge0"));
  EXPECT_TRUE(has(huge, "--lcores=0@0,1@2,2@4"));
  EXPECT_TRUE(has(huge, "--socket-mem=512,256"));
  EXPECT_TRUE(has(huge, "--no-pci"));
  EXPECT_TRUE(has(huge, "--no-telemetry"));
  EXPECT_FALSE(has(huge, "--no-huge"));
  EXPECT_FALSE(has(huge, "--single-file-segments"));
  EXPECT_EQ(huge.back(), "x") << "extra arguments come last, verbatim";
  options.single_file_segments = true;
  options.pci_devices = {"0000:3b:00.0", "0000:3b:00.1"};
  const auto cards = make_eal_argv(options, EalMemory::hugepages);
  EXPECT_TRUE(has(cards, "--single-file-segments"));
  EXPECT_FALSE(has(cards, "--no-pci"));
  for (const std::string& address : options.pci_devices) {
    const auto at = std::find(cards.begin(), cards.end(), address);
    ASSERT_NE(at, cards.end());
    EXPECT_EQ(at[-1], "-a") << "a device that is not allowed by name would be taken as well";
  }
  const auto small = make_eal_argv(options, EalMemory::no_huge);
  EXPECT_TRUE(has(small, "--no-huge"));
  EXPECT_TRUE(has(small, "256"));
  EXPECT_FALSE(has(small, "--socket-mem=512,256"));
}

TEST(EalStart, RefusesOptionsThatCannotBe) {
  EalOptions options = test::test_eal_options("bad");
  options.worker_cpus = {options.main_cpu, options.main_cpu};
  EXPECT_NE(Eal::start(options).error().what().find("is given to two workers"), std::string::npos);
  options.worker_cpus = {4000};
  EXPECT_NE(Eal::start(options).error().what().find("cpu 4000 does not exist"), std::string::npos);
  options.worker_cpus = {};
  options.file_prefix = "../x";
  EXPECT_EQ(Eal::start(options).error().code(), EINVAL);
}

TEST(EalStart, FallsBackToNoHugeOnlyIfAllowed) {
  EXPECT_EQ(in_child([] {
              EalOptions options = test::test_eal_options("strict");
              options.memory = EalMemory::hugepages;
              options.socket_mb = {1u << 30};  // more than any machine has
              options.fall_back = false;
              const auto eal = Eal::start(options);
              return eal.ok() || eal.error().code() != ENOMEM;
            }),
            0);
  EXPECT_EQ(in_child([] {
              EalOptions options = test::test_eal_options("lenient");
              options.memory = EalMemory::hugepages;
              options.socket_mb = {1u << 30};
              const auto eal = Eal::start(options);
              return !eal || (*eal)->memory() != EalMemory::no_huge || (*eal)->fall_back_reason().empty();
            }),
            0);
}

TEST(EalStart, SecondStartInOneProcessIsRefused) {
  EXPECT_EQ(in_child([] {
              const auto first = Eal::start(test::test_eal_options("first"));
              const auto second = Eal::start(test::test_eal_options("second"));
              return !first || second.ok() || second.error().code() != EALREADY;
            }),
            0);
}

TEST(EalStart, PrefixOfALivingProcessIsRefusedAndThatOfADeadOneIsTaken) {
  EalOptions options = test::test_eal_options("shared");
  EXPECT_EQ(in_child([&] {
              const auto eal = Eal::start(options);
              if (!eal) return 1;
              return in_child([&] {
                const auto other = Eal::start(options);
                return other.ok() || other.error().code() != EAGAIN;
              });
            }),
            0);
  EXPECT_EQ(in_child([&] {
              auto eal = Eal::start(options);
              _exit(eal ? 0 : 1);  // dies without cleaning up
              return 1;
            }),
            0);
  EXPECT_TRUE(std::filesystem::exists(runtime_dir(options.file_prefix)));
  EXPECT_EQ(in_child([&] { return Eal::start(options).ok() ? 0 : 1; }), 0);
  EXPECT_FALSE(std::filesystem::exists(runtime_dir(options.file_prefix))) << "left behind";
}

TEST(EalStart, FailureQuotesWhatDpdkSaidAndLeavesNothing) {
  EalOptions options = test::test_eal_options("wrong");
  options.extra = {"--no-such-option"};
  EXPECT_EQ(in_child([&] {
              options.log = [](u32, const std::string&) {};
              const auto eal = Eal::start(options);
              return eal.ok() || eal.error().what().find("DPDK did not start") == std::string::npos;
            }),
            0);
  EXPECT_FALSE(std::filesystem::exists(runtime_dir(options.file_prefix)));
}

TEST(EalStart, LogLinesArriveWholeWithTheirLevel) {
  EXPECT_EQ(in_child([] {
              static std::vector<std::pair<u32, std::string>> lines;
              EalOptions options = test::test_eal_options("log");
              options.log_level = 8;
              options.log = [](u32 level, const std::string& line) { lines.emplace_back(level, line); };
              const auto eal = Eal::start(options);
              if (!eal) return 1;
              lines.clear();
              rte_log(RTE_LOG_WARNING, RTE_LOGTYPE_USER1, "one %d\ntwo\n", 1);
              const std::vector<std::pair<u32, std::string>> wanted = {{RTE_LOG_WARNING, "USER1: one 1"},
                                                                       {RTE_LOG_WARNING, "two"}};
              const std::vector<std::pair<u32, std::string>> plain = {{RTE_LOG_WARNING, "one 1"},
                                                                      {RTE_LOG_WARNING, "two"}};
              return lines == wanted || lines == plain ? 0 : 2;
            }),
            0);
}

TEST(EalMempool, TakesWhatItSaysAndSaysWhatItCannotHave) {
  EXPECT_EQ(in_child([] {
              const auto eal = Eal::start(test::test_eal_options("pool"));
              if (!eal) return 1;
              const auto pool = Mempool::make({.mbufs = 1000});
              if (!pool || (*pool)->available() != 1000) return 2;
              const auto large = Mempool::make({.name = "large", .mbufs = 10000000});
              if (large || large.error().code() != ENOMEM ||
                  large.error().what().find("KiB could not be had") == std::string::npos)
                return 3;
              const auto cached = Mempool::make({.name = "cached", .mbufs = 100, .cache = 100});
              if (cached || cached.error().code() != EINVAL) return 4;
              const auto again = Mempool::make({.mbufs = 1000});
              return again ? 5 : 0;
            }),
            0);
}

}  // namespace
}  // namespace drivers

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
