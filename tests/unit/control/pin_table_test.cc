// SPDX-License-Identifier: Apache-2.0
// Pins as files: the entry is the pin.
#include "control/pin_table.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/control/bpf_calls.h"

namespace control_test {
namespace {

class Thing final : public control::Object {
 public:
  explicit Thing(u32 id) : Object(control::ObjectKind::btf, id) {}
};

class PinFolder : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("pins-" + std::to_string(getpid()));
    std::filesystem::remove_all(root_);
    const auto opened = pins_.open_folder(root_.string());
    ASSERT_TRUE(opened.ok()) << opened.error().what();
  }
  void TearDown() override {
    pins_.clear();
    std::filesystem::remove_all(root_);
  }
  int add(const std::string& name, const std::shared_ptr<control::Object>& object, bool folders = false) {
    const auto done = pins_.add(name, control::Handle(object), geteuid(), folders);
    return done ? 0 : done.error().code();
  }
  int get(const std::string& name, uid_t uid = 0) {
    const auto found = pins_.get(name, uid);
    return found ? int((*found)->id()) : -found.error().code();
  }

  std::filesystem::path root_;
  control::PinTable pins_;
};

TEST_F(PinFolder, AnEntryAppearsAndIsThePin) {
  auto thing = std::make_shared<Thing>(7);
  EXPECT_EQ(add("a", thing), 0);
  EXPECT_TRUE(std::filesystem::is_regular_file(root_ / "a"));
  EXPECT_EQ(get("a"), 7);
  EXPECT_EQ(add("a", thing), EEXIST);
  EXPECT_EQ(get("b"), -ENOENT);
  EXPECT_EQ(pins_.names_of(*thing), std::vector<std::string>{"a"});
  const std::weak_ptr<Thing> watch = thing;
  thing.reset();
  EXPECT_FALSE(watch.expired());
  std::filesystem::remove(root_ / "a");
  pins_.prune();
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(get("a"), -ENOENT);
}

TEST_F(PinFolder, RenamingAndLinkingMoveThePin) {
  const auto thing = std::make_shared<Thing>(7);
  EXPECT_EQ(add("a", thing), 0);
  std::filesystem::create_directory(root_ / "folder");
  std::filesystem::rename(root_ / "a", root_ / "folder" / "b");
  EXPECT_EQ(get("a"), -ENOENT);
  EXPECT_EQ(get("folder/b"), 7);
  std::filesystem::create_hard_link(root_ / "folder" / "b", root_ / "c");
  std::filesystem::remove(root_ / "folder" / "b");
  pins_.prune();
  EXPECT_EQ(get("c"), 7);
}

TEST_F(PinFolder, FoldersAreMadeOnlyForThoseWhoHaveNoFileSystem) {
  const auto thing = std::make_shared<Thing>(7);
  EXPECT_EQ(add("no/such", thing), ENOENT);
  EXPECT_EQ(add("yes/such", thing, true), 0);
  EXPECT_EQ(get("yes/such"), 7);
  EXPECT_EQ(get("yes"), -EACCES);
}

TEST_F(PinFolder, OtherFilesAndLinksLeadNowhere) {
  const auto thing = std::make_shared<Thing>(7);
  std::ofstream(root_ / "file") << "text";
  EXPECT_EQ(get("file"), -EACCES);
  EXPECT_EQ(add("file", thing), EEXIST);
  EXPECT_EQ(add("a", thing), 0);
  std::filesystem::create_symlink("a", root_ / "link");
  EXPECT_LT(get("link"), 0);
  std::filesystem::create_symlink("/", root_ / "out");
  EXPECT_LT(get("out/etc/passwd"), 0);
  EXPECT_NE(add("out/tmp/escaped", thing), 0);
  EXPECT_LT(get("../" + root_.filename().string() + "/a"), 0);
}

TEST_F(PinFolder, OthersGetWhatIsReadableForAll) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root";
  const auto thing = std::make_shared<Thing>(7);
  EXPECT_EQ(add("a", thing), 0);
  EXPECT_EQ(get("a", 12345), -EACCES);
  std::filesystem::permissions(root_ / "a", std::filesystem::perms(0604));
  EXPECT_EQ(get("a", 12345), 7);
}

TEST_F(PinFolder, WhatADeadDaemonLeftGoesAndNothingElse) {
  const auto thing = std::make_shared<Thing>(7);
  EXPECT_EQ(add("mine", thing), 0);
  std::filesystem::create_directory(root_ / "folder");
  std::filesystem::copy(root_ / "mine", root_ / "folder" / "left");  // our mark, and nobody holds it
  std::ofstream(root_ / "folder" / "foreign") << "text";
  control::PinTable second;
  ASSERT_TRUE(second.open_folder(root_.string()).ok());
  EXPECT_FALSE(std::filesystem::exists(root_ / "folder" / "left"));
  EXPECT_TRUE(std::filesystem::exists(root_ / "folder" / "foreign"));
  EXPECT_EQ(get("mine"), 7) << "the pin of a daemon that lives";
  pins_.clear();
  EXPECT_FALSE(std::filesystem::exists(root_ / "mine"));
}

}  // namespace
}  // namespace control_test
