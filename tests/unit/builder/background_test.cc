// SPDX-License-Identifier: Apache-2.0
// Background compilation: what is submitted comes back, in order, and goes into the cache. argv[1] names the child.
#include "bpf/builder/background.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/support/insn.h"

namespace {
std::string child_exe;
}

namespace bpf::builder {
namespace {
using namespace support;

CompileRequest make_request(base::s32 verdict) {
  CompileRequest r;
  r.program.type = BPF_PROG_TYPE_XDP;
  r.program.name = "verdict" + std::to_string(verdict);
  for (const bpf_insn& insn : code({mov64_imm(R0, verdict), exit_insn()})) r.program.insns.push_back({.insn = insn});
  r.program.subprogs = {{.begin = 0, .end = 2}};
  return r;
}

u64 run(const std::vector<std::byte>& object) {
  const auto linked = jit::link(object, {}, BPF_PROG_TYPE_XDP, 1);
  if (!linked) return ~u64{0};
  bpf_env env{};
  return (*linked)->prog()->run(nullptr, &env, (*linked)->prog());
}

std::unique_ptr<Background> start(ObjectCache* cache = nullptr) {
  auto background = make_background({.exe = child_exe, .nice = 5}, cache);
  EXPECT_TRUE(background) << background.error().what();
  return background ? *std::move(background) : nullptr;
}

void poll_until_idle(Background& background) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (background.pending() > 0 && std::chrono::steady_clock::now() < end) {
    background.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(background.pending(), 0u);
}

TEST(Background, AnswersComeInOrderAndRun) {
  const auto background = start();
  ASSERT_TRUE(background);
  std::vector<u64> results;
  for (int i = 0; i < 8; ++i)
    background->submit(make_request(i), [&results](base::Result<CompileReply> reply) {
      ASSERT_TRUE(reply) << reply.error().what();
      results.push_back(run(reply->object));
    });
  EXPECT_EQ(background->pending(), 8u);
  poll_until_idle(*background);
  EXPECT_EQ(results, (std::vector<u64>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(Background, NothingIsCalledBackOutsidePoll) {
  const auto background = start();
  ASSERT_TRUE(background);
  bool called = false;
  background->submit(make_request(1), [&called](base::Result<CompileReply>) { called = true; });
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_FALSE(called);
  poll_until_idle(*background);
  EXPECT_TRUE(called);
}

TEST(Background, WhatCannotBeCompiledIsAnAnswerAndTheNextOneWorks) {
  const auto background = start();
  ASSERT_TRUE(background);
  CompileRequest bad = make_request(0);
  bad.program.insns[0].insn.code = BPF_ALU64 | 0xe0;
  int error = 0;
  u64 result = 0;
  background->submit(bad, [&error](base::Result<CompileReply> reply) {
    ASSERT_TRUE(reply);
    error = reply->error;
  });
  background->submit(make_request(3), [&result](base::Result<CompileReply> reply) { result = run(reply->object); });
  poll_until_idle(*background);
  EXPECT_EQ(error, EOPNOTSUPP);
  EXPECT_EQ(result, 3u);
}

TEST(Background, ObjectsGoIntoTheCacheAndErrorsDoNot) {
  char name[] = "/tmp/sluice_background_XXXXXX";
  const std::string root = mkdtemp(name);
  {
    const auto cache = ObjectCache::open(root + "/objects", u64{1} << 30);
    ASSERT_TRUE(cache);
    const auto background = start(cache->get());
    ASSERT_TRUE(background);
    CompileRequest bad = make_request(0);
    bad.program.insns[0].insn.code = BPF_ALU64 | 0xe0;
    background->submit(make_request(2), [](auto) {});
    background->submit(bad, [](auto) {});
    poll_until_idle(*background);
    const auto object = (*cache)->find(cache_key(make_request(2)));
    ASSERT_TRUE(object);
    EXPECT_EQ(run(*object), 2u);
    EXPECT_FALSE((*cache)->find(cache_key(bad)));
  }
  std::filesystem::remove_all(root);
}

TEST(Background, EndsAtOnceInTheMiddleOfALongCompilation) {
  auto background = start();
  ASSERT_TRUE(background);
  CompileRequest large = make_request(0);
  large.program.insns.clear();
  for (int i = 0; i < 200'000; ++i) large.program.insns.push_back({.insn = code({alu64_imm(BPF_MUL, R0, 3 + i)})[0]});
  large.program.insns.insert(large.program.insns.begin(), {.insn = code({mov64_imm(R0, 1)})[0]});
  large.program.insns.push_back({.insn = code({exit_insn()})[0]});
  large.program.subprogs = {{.begin = 0, .end = u32(large.program.insns.size())}};
  bool called = false;
  for (int i = 0; i < 3; ++i) background->submit(large, [&called](auto) { called = true; });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  const auto begin = std::chrono::steady_clock::now();
  background.reset();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_FALSE(called);
}

TEST(Background, MissingProgramIsASentence) {
  const auto background = make_background({.exe = "/nonexistent/sluice-builder"}, nullptr);
  ASSERT_FALSE(background);
  EXPECT_NE(background.error().what().find("/nonexistent/sluice-builder"), std::string::npos);
}

}  // namespace
}  // namespace bpf::builder

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc < 2) return 2;
  child_exe = argv[1];
  return RUN_ALL_TESTS();
}
