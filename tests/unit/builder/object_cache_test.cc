// SPDX-License-Identifier: Apache-2.0
// The object cache: what comes back is what was put in, or nothing.
#include "bpf/builder/object_cache.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "tests/support/insn.h"

namespace bpf::builder {
namespace {
namespace fs = std::filesystem;
using namespace support;

constexpr u64 kLarge = u64{1} << 30;

CompileRequest make_request() {
  CompileRequest r;
  r.program.type = BPF_PROG_TYPE_XDP;
  r.program.name = "pass";
  for (const bpf_insn& insn : code({mov64_imm(R0, 2), exit_insn()})) r.program.insns.push_back({.insn = insn});
  r.program.subprogs = {{.begin = 0, .end = 2}};
  r.program.maps.resize(1);
  MapFacts& map = r.program.maps[0];
  map.id = 7;
  map.type = BPF_MAP_TYPE_ARRAY;
  map.key_size = 4;
  map.value_size = 8;
  map.max_entries = 1;
  map.name = "consts";
  map.frozen = true;
  map.contents.resize(8);
  return r;
}

std::vector<std::byte> make_object(size_t bytes, int fill) {
  return std::vector<std::byte>(bytes, std::byte(fill));
}

class ObjectCacheTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/sluice_cache_XXXXXX";
    root_ = mkdtemp(name);
    folder_ = root_ + "/objects";
  }
  void TearDown() override { fs::remove_all(root_); }

  std::unique_ptr<ObjectCache> open(u64 bytes_max = kLarge) {
    auto cache = ObjectCache::open(folder_, bytes_max);
    EXPECT_TRUE(cache) << cache.error().what();
    return cache ? *std::move(cache) : nullptr;
  }
  std::vector<fs::path> files() const {
    std::vector<fs::path> all;
    for (const auto& entry : fs::directory_iterator(folder_)) all.push_back(entry.path());
    return all;
  }

  std::string root_, folder_;
  const CacheKey key_ = cache_key(make_request());
  const std::vector<std::byte> object_ = make_object(1000, 0x5a);
};

TEST_F(ObjectCacheTest, WhatIsStoredComesBackAlsoToTheNextProcess) {
  EXPECT_FALSE(open()->find(key_));
  open()->store(key_, object_);
  const auto cache = open();
  EXPECT_EQ(cache->find(key_), object_);
  EXPECT_EQ(cache->stats().hits, 1u);
  EXPECT_EQ(cache->stats().damaged, 0u);
  struct stat s{};
  ASSERT_EQ(stat(folder_.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0700u);
}

TEST_F(ObjectCacheTest, EveryFlippedByteIsAMissAndTheFileGoes) {
  for (size_t at = 0; at < 1080; at += at < 96 ? 1 : 61) {
    const auto cache = open();
    cache->store(key_, object_);
    const fs::path file = files().at(0);
    std::fstream f(file, std::ios::in | std::ios::out | std::ios::binary);
    f.seekg(std::streamoff(at));
    const char byte = char(f.get() ^ 0x20);
    f.seekp(std::streamoff(at));
    f.put(byte);
    f.close();
    EXPECT_FALSE(cache->find(key_)) << "byte " << at;
    EXPECT_EQ(cache->stats().damaged, 1u) << "byte " << at;
    EXPECT_FALSE(fs::exists(file)) << "byte " << at;
  }
}

TEST_F(ObjectCacheTest, EveryShorterOrLongerFileIsAMiss) {
  for (const size_t size : {0, 1, 79, 80, 81, 500, 1079, 1081, 4096}) {
    const auto cache = open();
    cache->store(key_, object_);
    fs::resize_file(files().at(0), size);
    EXPECT_FALSE(cache->find(key_)) << size;
    EXPECT_EQ(cache->stats().damaged, 1u) << size;
  }
}

TEST_F(ObjectCacheTest, AnObjectUnderAnotherKeysNameIsAMiss) {
  const auto cache = open();
  cache->store(key_, object_);
  const fs::path mine = files().at(0);
  CompileRequest other = make_request();
  other.program.insns[0].insn.imm = 1;
  cache->store(cache_key(other), make_object(1000, 1));
  for (const fs::path& file : files())
    if (file != mine) fs::copy_file(mine, file, fs::copy_options::overwrite_existing);
  EXPECT_FALSE(cache->find(cache_key(other)));
  EXPECT_TRUE(cache->find(key_));
}

TEST_F(ObjectCacheTest, LinksAndFilesThatOthersMayWriteAreMisses) {
  const auto cache = open();
  const auto store = [&] {
    cache->store(key_, object_);
    return files().at(0);
  };
  fs::path file = store();
  fs::permissions(file, fs::perms::others_write, fs::perm_options::add);
  EXPECT_FALSE(cache->find(key_));

  file = store();
  fs::rename(file, root_ + "/elsewhere");
  fs::create_symlink(root_ + "/elsewhere", file);
  EXPECT_FALSE(cache->find(key_));

  file = store();
  fs::create_hard_link(file, root_ + "/second_name");
  EXPECT_FALSE(cache->find(key_));

  ASSERT_EQ(mkfifo(file.c_str(), 0600), 0);
  EXPECT_FALSE(cache->find(key_)) << "and it does not wait for a writer";

  if (geteuid() == 0) {
    file = store();
    ASSERT_EQ(chown(file.c_str(), 65534, 65534), 0);
    EXPECT_FALSE(cache->find(key_));
  }
}

TEST_F(ObjectCacheTest, AFolderThatOthersMayWriteToIsRefused) {
  fs::create_directory(folder_);
  fs::permissions(folder_, fs::perms::group_write, fs::perm_options::add);
  const auto shared = ObjectCache::open(folder_, kLarge);
  ASSERT_FALSE(shared);
  EXPECT_NE(shared.error().what().find("others may write"), std::string::npos) << shared.error().what();

  fs::remove(folder_);
  fs::create_directory(root_ + "/real");
  fs::create_directory_symlink(root_ + "/real", folder_);
  EXPECT_FALSE(ObjectCache::open(folder_, kLarge));

  if (geteuid() != 0) return;
  fs::remove(folder_);
  fs::create_directory(folder_);
  ASSERT_EQ(chown(folder_.c_str(), 65534, 65534), 0);
  const auto foreign = ObjectCache::open(folder_, kLarge);
  ASSERT_FALSE(foreign);
  EXPECT_NE(foreign.error().what().find("another user"), std::string::npos) << foreign.error().what();
}

TEST_F(ObjectCacheTest, WhatADeadWriterLeftIsNeverReadAndGoesInTheEnd) {
  fs::create_directory(folder_);
  fs::permissions(folder_, fs::perms::owner_all);
  std::ofstream(folder_ + "/.new-1-0") << "half an object";
  EXPECT_FALSE(open()->find(key_));
  EXPECT_EQ(files().size(), 1u) << "its writer may still be at it";
  const timespec old[2] = {{.tv_sec = 1000, .tv_nsec = 0}, {.tv_sec = 1000, .tv_nsec = 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, (folder_ + "/.new-1-0").c_str(), old, 0), 0);
  open();
  EXPECT_TRUE(files().empty());
}

TEST_F(ObjectCacheTest, BeyondItsSizeWhatWasUsedLongestAgoGoes) {
  const auto cache = open(3500);
  std::vector<CacheKey> keys;
  for (int i = 0; i < 3; ++i) {
    CompileRequest r = make_request();
    r.program.insns[0].insn.imm = 10 + i;
    keys.push_back(cache_key(r));
    cache->store(keys.back(), make_object(1000, i));
    const timespec then[2] = {{.tv_sec = 1000 + i, .tv_nsec = 0}, {.tv_sec = 1000 + i, .tv_nsec = 0}};
    for (const fs::path& file : files())
      if (fs::file_size(file) == 1080 &&
          fs::last_write_time(file) > fs::file_time_type::clock::now() - std::chrono::hours(1))
        ASSERT_EQ(utimensat(AT_FDCWD, file.c_str(), then, 0), 0);
  }
  EXPECT_TRUE(cache->find(keys[0])) << "now it has just been used";
  cache->store(key_, object_);
  EXPECT_TRUE(cache->find(keys[0]));
  EXPECT_FALSE(cache->find(keys[1]));
  EXPECT_TRUE(cache->find(keys[2]));
  EXPECT_TRUE(cache->find(key_));
}

TEST_F(ObjectCacheTest, ReadersAndWritersAtOnceSeeWholeObjects) {
  const auto cache = open();
  std::thread writer([&] {
    for (int i = 0; i < 300; ++i) cache->store(key_, object_);
  });
  for (int i = 0; i < 300; ++i)
    if (const auto found = cache->find(key_)) EXPECT_EQ(*found, object_);
  writer.join();
  EXPECT_EQ(cache->stats().damaged, 0u);
  EXPECT_TRUE(cache->find(key_));
}

TEST(CacheKey, IsOfEverythingThatDecidesTheObjectAndOfNothingElse) {
  const CacheKey key = cache_key(make_request());
  const auto changed = [&](auto change) {
    CompileRequest r = make_request();
    change(r);
    return cache_key(r) != key;
  };
  EXPECT_TRUE(changed([](auto& r) { r.options.tier = jit::Tier::quick; }));
  EXPECT_TRUE(changed([](auto& r) { r.program.insns[0].insn.imm = 3; }));
  EXPECT_TRUE(changed([](auto& r) { r.program.insns[0].mem = MemKind::packet; }));
  EXPECT_TRUE(changed([](auto& r) { r.program.insns[0].dead = true; }));
  EXPECT_TRUE(changed([](auto& r) { r.program.maps[0].max_entries = 2; }));
  EXPECT_TRUE(changed([](auto& r) { r.program.maps[0].contents[3] = std::byte{1}; }));
  EXPECT_TRUE(changed([](auto& r) { r.program.maps[0].frozen = false; }));
  EXPECT_TRUE(changed([](auto& r) { r.program.uses_redirect = true; }));
  EXPECT_FALSE(changed([](auto& r) { r.program.maps[0].id = 8; }));
  EXPECT_FALSE(changed([](auto& r) { r.program.maps[0].name = "other"; }));
  EXPECT_FALSE(changed([](auto& r) { r.program.name = "other"; }));
}

}  // namespace
}  // namespace bpf::builder
