// SPDX-License-Identifier: Apache-2.0
// The builder's child: what crosses, what a death says, what is left behind. The child is the real one with an
// agreeable verifier that misbehaves on request; argv[1] names it.
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "base/sanitized.h"
#include "bpf/abi/host/xdp_buff.h"
#include "bpf/builder/builder.h"
#include "tests/support/insn.h"

namespace {
std::string child_exe;
}

namespace bpf::builder {
namespace {
using namespace support;

BuildRequest make_request(const std::string& name) {
  BuildRequest r;
  r.source.type = BPF_PROG_TYPE_XDP;
  r.source.name = name;
  r.source.insns = code({mov64_imm(R0, 2), exit_insn()});
  return r;
}

std::unique_ptr<BuilderProcess> start() {
  auto process = make_builder_process({.exe = child_exe});
  EXPECT_TRUE(process) << process.error().what();
  return process ? *std::move(process) : nullptr;
}

TEST(BuilderProcess, ObjectLinksAndRuns) {
  const auto process = start();
  ASSERT_TRUE(process);
  const auto reply = process->build(make_request("pass"));
  ASSERT_TRUE(reply) << reply.error().what();
  ASSERT_TRUE(reply->verdict.accepted()) << reply->verdict.reason;
  const auto linked = jit::link(reply->object, {}, BPF_PROG_TYPE_XDP, 1);
  ASSERT_TRUE(linked) << linked.error().what();
  bpf_env env{};
  xdp_buff ctx{};
  EXPECT_EQ((*linked)->prog()->run(&ctx, &env, (*linked)->prog()), 2u);
}

TEST(BuilderProcess, SameObjectAsInProcess) {
  const auto process = start();
  ASSERT_TRUE(process);
  const auto reply = process->build(make_request("pass"));
  ASSERT_TRUE(reply) << reply.error().what();
  EXPECT_EQ(reply->object, build(make_request("pass")).object);
}

TEST(BuilderProcess, RejectionIsAReply) {
  const auto process = start();
  ASSERT_TRUE(process);
  const auto reply = process->build(make_request("reject"));
  ASSERT_TRUE(reply) << reply.error().what();
  EXPECT_EQ(reply->verdict.error, EACCES);
  EXPECT_EQ(reply->verdict.reason, "as asked");
  EXPECT_TRUE(reply->object.empty());
}

struct DeathCase {
  const char* program;
  int code;
  const char* words;
};
class BuilderDeath : public testing::TestWithParam<DeathCase> {};

TEST_P(BuilderDeath, IsAnErrorThatNamesItAndTheNextBuildWorks) {
  const auto process = start();
  ASSERT_TRUE(process);
  const auto reply = process->build(make_request(GetParam().program));
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().code(), GetParam().code);
  EXPECT_NE(reply.error().what().find(GetParam().words), std::string::npos) << reply.error().what();
  EXPECT_NE(reply.error().what().find(GetParam().program), std::string::npos) << reply.error().what();
  const auto next = process->build(make_request("pass"));
  ASSERT_TRUE(next) << next.error().what();
  EXPECT_TRUE(next->verdict.accepted());
}
INSTANTIATE_TEST_SUITE_P(All, BuilderDeath,
                         testing::Values(
#ifndef SLUICE_SANITIZED  // AddressSanitizer turns these two into its own exit, and cannot live under a memory limit
                             DeathCase{"segv", EIO, "signal 11"}, DeathCase{"eat memory", EIO, "signal 6"},
#endif
                             DeathCase{"abort", EIO, "signal 6"}, DeathCase{"cpu limit", ETIMEDOUT, "signal 24"}),
                         [](const auto& info) {
                           std::string name = info.param.program;
                           for (char& c : name)
                             if (c == ' ') c = '_';
                           return name;
                         });

TEST(BuilderProcess, KilledInTheMiddleOfABuildIsAnError) {
  const auto process = start();
  ASSERT_TRUE(process);
  ASSERT_TRUE(process->build(make_request("pass")));
  const pid_t pid = process->child_pid();
  ASSERT_GT(pid, 0);
  std::thread killer([pid] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    kill(pid, SIGKILL);
  });
  const auto reply = process->build(make_request("sleep"));
  killer.join();
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().what().find("signal 9"), std::string::npos) << reply.error().what();
  EXPECT_TRUE(process->build(make_request("pass")));
}

TEST(BuilderProcess, KilledBetweenBuildsIsReplaced) {
  const auto process = start();
  ASSERT_TRUE(process);
  ASSERT_TRUE(process->build(make_request("pass")));
  const pid_t before = process->child_pid();
  kill(before, SIGKILL);
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const auto reply = process->build(make_request("pass"));
  ASSERT_TRUE(reply) << reply.error().what();
  EXPECT_NE(process->child_pid(), before);
}

TEST(BuilderProcess, EndsWithItsOwner) {
  pid_t pid;
  {
    const auto process = start();
    ASSERT_TRUE(process);
    pid = process->child_pid();
    EXPECT_EQ(kill(pid, 0), 0);
  }
  EXPECT_EQ(kill(pid, 0), -1);
  EXPECT_EQ(errno, ESRCH);
}

TEST(BuilderProcess, InheritsNothingButItsSocket) {
  const int secret = dup(1);
  const auto process = start();
  ASSERT_TRUE(process);
  ASSERT_TRUE(process->build(make_request("pass")));
  EXPECT_NE(access(("/proc/" + std::to_string(process->child_pid()) + "/fd/3").c_str(), F_OK), -1);
  for (int fd = 4; fd < 64; ++fd)
    EXPECT_EQ(access(("/proc/" + std::to_string(process->child_pid()) + "/fd/" + std::to_string(fd)).c_str(), F_OK), -1)
        << fd;
  close(secret);
}

TEST(BuilderProcess, MissingProgramIsASentence) {
  const auto process = make_builder_process({.exe = "/nonexistent/sluice-builder"});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().code(), ENOENT);
  EXPECT_NE(process.error().what().find("/nonexistent/sluice-builder"), std::string::npos);
}

}  // namespace
}  // namespace bpf::builder

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc < 2) return 2;
  child_exe = argv[1];
  return RUN_ALL_TESTS();
}
