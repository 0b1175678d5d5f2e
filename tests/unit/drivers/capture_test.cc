// SPDX-License-Identifier: Apache-2.0
// Capture files: what is judged whole, cut or damaged, and what the writer leaves on disk.
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "drivers/capture_file.h"
#include "tests/unit/drivers/eal_environment.h"

namespace drivers {
namespace {

using test::Frame;

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}
void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string make_capture(const std::string& path, CaptureFormat format, u32 frames) {
  auto writer = CaptureWriter::create(path, format, "wan0");
  EXPECT_TRUE(writer);
  for (u32 i = 0; i < frames; ++i) {
    const Frame frame = test::make_frame(i, 60 + i);
    const void* parts[] = {frame.data(), frame.data() + 20};
    const u32 bytes[] = {20, u32(frame.size()) - 20};
    EXPECT_TRUE((*writer)->try_append(1700000000000000000 + i, parts, bytes, 2));
  }
  EXPECT_TRUE((*writer)->flush());
  (*writer).reset();
  return read_file(path);
}

class Capture : public testing::TestWithParam<CaptureFormat> {
 protected:
  test::TempDir dir_;
  std::string path_ = dir_ / "c";
};
INSTANTIATE_TEST_SUITE_P(Formats, Capture, testing::Values(CaptureFormat::pcap, CaptureFormat::pcapng));

TEST_P(Capture, WhatTheWriterWroteIsWholeToTheScanner) {
  make_capture(path_, GetParam(), 10);
  const auto summary = scan_capture(path_);
  ASSERT_TRUE(summary) << summary.error().what();
  EXPECT_EQ(summary->packets, 10u);
  EXPECT_EQ(summary->longest, 69u);
  EXPECT_FALSE(summary->truncated);
}

TEST_P(Capture, FileCutAnywhereCountsWholeFramesOnlyAndNeverCrashes) {
  const std::string whole = make_capture(path_, GetParam(), 4);
  u64 last = 0;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    write_file(path_, whole.substr(0, size));
    const auto summary = scan_capture(path_);
    if (!summary) continue;  // cut inside the file's header
    EXPECT_GE(summary->packets, last) << size;
    EXPECT_LT(summary->packets, 4u) << size;
    last = summary->packets;
  }
  EXPECT_EQ(last, 3u);
}

TEST_P(Capture, FileWithOneByteFlippedAnywhereIsJudgedWithoutCrashing) {
  const std::string whole = make_capture(path_, GetParam(), 3);
  u32 refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string damaged = whole;
    damaged[at] = char(~damaged[at]);
    write_file(path_, damaged);
    const auto summary = scan_capture(path_);
    if (!summary) {
      ++refused;
      EXPECT_NE(summary.error().what().find(path_), std::string::npos);
    }
  }
  EXPECT_GT(refused, 4u);
}

TEST(CaptureWriter, ThatIsFullSaysSoAndGoesOnWhenItHasRoom) {
  test::TempDir dir;
  auto writer = CaptureWriter::create(dir / "c.pcapng", CaptureFormat::pcapng, "p");
  ASSERT_TRUE(writer);
  const Frame frame(60000);
  const void* part = frame.data();
  const u32 bytes = u32(frame.size());
  u32 written = 0, refused = 0;
  for (u32 i = 0; refused == 0; ++i) ((*writer)->try_append(i, &part, &bytes, 1) ? written : refused) += 1;
  EXPECT_TRUE((*writer)->flush());
  EXPECT_TRUE((*writer)->try_append(1, &part, &bytes, 1));
  (*writer).reset();
  EXPECT_EQ(scan_capture(dir / "c.pcapng")->packets, written + 1);
}

TEST(CaptureWriter, DiskThatIsFullIsAnErrorOfFlush) {
  if (access("/dev/full", W_OK) != 0) GTEST_SKIP() << "/dev/full cannot be written to";
  auto writer = CaptureWriter::create("/dev/full", CaptureFormat::pcap, "p");
  ASSERT_TRUE(writer);
  const Frame frame = test::make_frame(0);
  const void* part = frame.data();
  const u32 bytes = u32(frame.size());
  EXPECT_TRUE((*writer)->try_append(1, &part, &bytes, 1));
  EXPECT_EQ((*writer)->flush().error().code(), ENOSPC);
}

TEST(CaptureWriter, PathThatCannotBeOpenedIsNamed) {
  const auto writer = CaptureWriter::create("/nonexistent/c.pcap", CaptureFormat::pcap, "p");
  EXPECT_EQ(writer.error().code(), ENOENT);
  EXPECT_NE(writer.error().what().find("/nonexistent/c.pcap"), std::string::npos);
}

}  // namespace
}  // namespace drivers

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
