// SPDX-License-Identifier: Apache-2.0
// Tiers and the object cache as the daemon uses them. argv[1]: sluice-builder.
#include "control/daemon/compiler.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/reclaim.h"
#include "bpf/abi/context.h"
#include "tests/support/insn.h"
#include "tests/unit/control/bpf_calls.h"

namespace {
std::string builder_exe;
}

namespace control_test {
namespace {
namespace fs = std::filesystem;
using namespace support;
using bpf::jit::Tier;

class CompilerTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice_compiler_XXXXXX";
    root_ = mkdtemp(name);
  }
  // What goes may let go of more: a program array, of the programs in it.
  void TearDown() override {
    door_.reset();
    while (!retired_.empty() || base::Reclaim::process().pending() > 0) {
      std::exchange(retired_, {}).clear();
      base::Reclaim::process().synchronize();
    }
    fs::remove_all(root_);
  }

  void start(bool cache = true, Tier first = Tier::quick) {
    door_.reset();
    retired_.clear();
    auto compiler = control::Compiler::make(
        {.first_tier = first, .cache_folder = cache ? root_ + "/objects" : "", .builder = builder_exe});
    ASSERT_TRUE(compiler) << compiler.error().what();
    compiler_ = *std::move(compiler);
    control::DoorConfig config;
    config.build = [this](const auto& request) { return compiler_->build(request); };
    config.improve = [this](const auto& program, auto lowered) { compiler_->improve(program, std::move(lowered)); };
    config.retire = [this](std::shared_ptr<void> memory) { retired_.push_back(std::move(memory)); };
    door_ = std::make_unique<Local>(std::move(config));
  }

  std::shared_ptr<control::Program> load(std::span<const bpf::bpf_insn> insns) {
    const long fd = door_->load(insns);
    EXPECT_GE(fd, 0) << door_->client.last_error;
    return fd < 0 ? nullptr : door_->door.programs().back();
  }
  std::shared_ptr<control::Program> load(int verdict) { return load(code({mov64_imm(R0, verdict), exit_insn()})); }

  void wait() {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (compiler_->pending() > 0 && std::chrono::steady_clock::now() < end) {
      compiler_->poll();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    ASSERT_EQ(compiler_->pending(), 0u);
  }

  static u64 run(const control::Program& program) {
    bpf_env env{};
    env.tail_calls = bpf::MAX_TAIL_CALL_CNT;
    return bpf_prog_run(program.prog())(nullptr, &env, program.prog());
  }

  std::string root_;
  std::unique_ptr<control::Compiler> compiler_;
  std::vector<std::shared_ptr<void>> retired_;  // what workers might still use
  std::unique_ptr<Local> door_;
};

TEST_F(CompilerTest, QuickCodeRunsAtOnceAndOptimisedCodeTakesItsPlace) {
  start();
  const auto program = load(2);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->info().tier, Tier::quick);
  EXPECT_EQ(run(*program), 2u);
  const bpf_prog* head = program->prog();
  const bpf_run_fn quick = bpf_prog_run(head);
  const bpf_burst_fn quick_burst = bpf_prog_burst(head);
  wait();
  EXPECT_EQ(program->info().tier, Tier::optimised);
  EXPECT_EQ(program->prog(), head) << "hooks and prog arrays hold this address";
  EXPECT_NE(bpf_prog_run(head), quick);
  EXPECT_NE(bpf_prog_burst(head), quick_burst);
  EXPECT_EQ(run(*program), 2u);
  EXPECT_EQ(retired_.size(), 1u) << "the quick code waits for its grace period";
  EXPECT_EQ(program->info().jited_bytes, program->code()->text().size());
}

TEST_F(CompilerTest, WorkersRunOnThroughTheSwap) {
  start();
  std::vector<std::shared_ptr<control::Program>> programs;
  for (int i = 0; i < 16; ++i) programs.push_back(load(i));
  std::atomic<bool> stop = false;
  std::atomic<u64> wrong = 0, runs = 0;
  std::thread worker([&] {
    while (!stop)
      for (u64 i = 0; i < programs.size(); ++i, ++runs) wrong += run(*programs[i]) != i;
  });
  wait();
  const u64 seen = runs;
  while (runs < seen + 1000) std::this_thread::yield();
  stop = true;
  worker.join();
  EXPECT_EQ(wrong, 0u);
  for (const auto& program : programs) EXPECT_EQ(program->info().tier, Tier::optimised);
}

TEST_F(CompilerTest, TailCallsReachTheNewCode) {
  start();
  const long array = door_->make_map(bpf::BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 1);
  ASSERT_GE(array, 0);
  const long target = door_->load(code({mov64_imm(R0, 3), exit_insn()}));
  ASSERT_GE(target, 0);
  const u32 zero = 0, fd = u32(target);
  ASSERT_EQ(door_->element(bpf::BPF_MAP_UPDATE_ELEM, array, &zero, &fd), 0) << door_->client.last_error;
  const auto called = door_->door.programs().back();
  const auto caller =
      load(code({ld_map(R2, u32(array)), mov64_imm(R3, 0), call_helper(12), mov64_imm(R0, 1), exit_insn()}));
  ASSERT_TRUE(caller);
  EXPECT_EQ(run(*caller), 3u);
  wait();
  EXPECT_EQ(called->info().tier, Tier::optimised);
  EXPECT_EQ(run(*caller), 3u);
}

TEST_F(CompilerTest, AProgramThatIsGoneMeanwhileIsForgotten) {
  start();
  load(2);
  const auto kept = load(1);
  EXPECT_EQ(compiler_->pending(), 2u);
  door_->client.uninstall(3);
  wait();
  EXPECT_EQ(kept->info().tier, Tier::optimised);
}

TEST_F(CompilerTest, TheNextStartHasOptimisedCodeAtOnce) {
  start();
  load(2);
  wait();
  start();
  const auto program = load(2);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->info().tier, Tier::optimised);
  EXPECT_EQ(compiler_->pending(), 0u);
  EXPECT_EQ(compiler_->cache()->stats().hits, 1u);
  EXPECT_EQ(run(*program), 2u);
}

TEST_F(CompilerTest, ACachedObjectIsNoVerdict) {
  start();
  load(2);
  wait();
  start();
  const auto uninitialised = code({exit_insn()});
  EXPECT_EQ(door_->load(uninitialised), -EACCES);
  EXPECT_EQ(compiler_->cache()->stats().hits + compiler_->cache()->stats().misses, 0u)
      << "refused before anything is looked up";
}

TEST_F(CompilerTest, DamagedFilesAreCompiledAgain) {
  start();
  load(2);
  wait();
  for (const auto& file : fs::directory_iterator(root_ + "/objects")) fs::resize_file(file, fs::file_size(file) / 2);
  start();
  const auto program = load(2);
  ASSERT_TRUE(program);
  EXPECT_EQ(program->info().tier, Tier::quick);
  EXPECT_EQ(compiler_->cache()->stats().damaged, 1u);
  EXPECT_EQ(run(*program), 2u);
  wait();
  EXPECT_EQ(run(*program), 2u);
}

TEST_F(CompilerTest, WithoutBackgroundLoadingWaitsForOptimisedCodeAndKeepsIt) {
  start(true, Tier::optimised);
  EXPECT_EQ(load(2)->info().tier, Tier::optimised);
  EXPECT_EQ(compiler_->pending(), 0u);
  EXPECT_EQ(compiler_->cache()->stats().stores, 1u);
}

TEST_F(CompilerTest, WithoutACacheNoFileAppears) {
  start(false);
  EXPECT_EQ(run(*load(2)), 2u);
  wait();
  EXPECT_TRUE(fs::is_empty(root_));
}

TEST_F(CompilerTest, AFolderThatIsNotTrustedMeansNoCache) {
  fs::create_directory(root_ + "/objects");
  fs::permissions(root_ + "/objects", fs::perms::others_write, fs::perm_options::add);
  start();
  EXPECT_EQ(compiler_->cache(), nullptr);
  EXPECT_EQ(run(*load(2)), 2u);
  wait();
  EXPECT_TRUE(fs::is_empty(root_ + "/objects"));
}

}  // namespace
}  // namespace control_test

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc < 2) return 2;
  builder_exe = argv[1];
  return RUN_ALL_TESTS();
}
