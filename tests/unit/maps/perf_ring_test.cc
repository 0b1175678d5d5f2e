// SPDX-License-Identifier: Apache-2.0
// Perf event arrays from both ends: a program's helper, and a consumer that reads the buffer as libbpf does.
#include "maps/perf_ring.h"

#include <linux/perf_event.h>
#include <sys/mman.h>

#include <random>

#include "bpf/runtime/runtime.h"
#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

constexpr u64 kPage = 4096;
constexpr u64 kCurrentCpu = 0xffffffff;

struct Events {
  std::unique_ptr<bpf::Map> map = *make_map(spec_of(bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 2));
  std::shared_ptr<maps::PerfRing> ring = *maps::PerfRing::make({77, 0, 1, 2});
  perf_event_mmap_page* page = static_cast<perf_event_mmap_page*>(
      mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED, ring->memory_fd(), 0));
  std::array<u8, 64> packet{};
  xdp_buff buff{};
  bpf_env env{};

  Events() {
    for (u32 i = 0; i < packet.size(); ++i) packet[i] = static_cast<u8>(i);
    buff.data = packet.data();
    buff.data_end = packet.data() + packet.size();
    const auto& ops = **bpf::find_map_ops(bpf::BPF_MAP_TYPE_PERF_EVENT_ARRAY);
    EXPECT_EQ(ops.update_object(*map, bytes_of(u32{0}), ring->as_object(), 0), 0);
  }
  ~Events() { munmap(page, 2 * kPage); }

  base::s64 output(u64 flags, const void* data, u64 size) {
    return static_cast<base::s64>(bpf_perf_event_output(&env, reinterpret_cast<u64>(&buff),
                                                        reinterpret_cast<u64>(map->head()), flags,
                                                        reinterpret_cast<u64>(data), size));
  }
  // The next record, put together where it goes round; empty: there is none.
  std::vector<u8> take() {
    const u64 head = __atomic_load_n(&page->data_head, __ATOMIC_ACQUIRE);
    const auto* data = reinterpret_cast<const u8*>(page) + page->data_offset;
    u64 tail = page->data_tail;
    if (head == tail) return {};
    const auto byte = [&](u64 at) { return data[at % page->data_size]; };
    const u32 size = byte(tail + 6) | u32{byte(tail + 7)} << 8;
    std::vector<u8> record(size);
    for (u32 i = 0; i < size; ++i) record[i] = byte(tail + i);
    __atomic_store_n(&page->data_tail, tail + size, __ATOMIC_RELEASE);
    return record;
  }
};

u32 word(const std::vector<u8>& record, u32 at) {
  u32 value;
  std::memcpy(&value, record.data() + at, sizeof value);
  return value;
}

TEST(PerfEventArray, ASampleHasTheProgramsBytesAndThoseOfThePacket) {
  Events events;
  ASSERT_EQ(events.output(kCurrentCpu | u64{10} << 32, "hello", 5), 0);
  const auto record = events.take();
  ASSERT_EQ(record.size(), 32U);
  EXPECT_EQ(word(record, 0), u32{PERF_RECORD_SAMPLE});
  EXPECT_EQ(word(record, 8), 20U) << "padded, so that the next record is aligned";
  EXPECT_EQ(std::memcmp(record.data() + 12, "hello", 5), 0);
  for (u8 i = 0; i < 10; ++i) EXPECT_EQ(record[17 + i], i);
  EXPECT_TRUE(events.take().empty());
}

TEST(PerfEventArray, ErrorsAreThoseOfLinux) {
  Events events;
  EXPECT_EQ(events.output(u64{1} << 60, "x", 1), -EINVAL);
  EXPECT_EQ(events.output(kCurrentCpu | u64{65} << 32, "x", 1), -EFAULT);
  EXPECT_EQ(events.output(2, "x", 1), -E2BIG);
  EXPECT_EQ(events.output(1, "x", 1), -ENOENT);
  events.env.cpu = 1;
  EXPECT_EQ(events.output(0, "x", 1), -EOPNOTSUPP) << "the event of another CPU";
}

TEST(PerfEventArray, WhatDidNotFitIsReportedOnceThereIsRoom) {
  Events events;
  const std::vector<u8> bytes(1000, 7);
  u32 written = 0, lost = 0;
  for (u32 i = 0; i < 10; ++i) events.output(0, bytes.data(), bytes.size()) == 0 ? ++written : ++lost;
  EXPECT_EQ(written, 4U);
  for (u32 i = 0; i < 2; ++i) EXPECT_EQ(word(events.take(), 0), u32{PERF_RECORD_SAMPLE});
  ASSERT_EQ(events.output(0, bytes.data(), 8), 0);
  for (u32 i = 0; i < 2; ++i) EXPECT_EQ(word(events.take(), 0), u32{PERF_RECORD_SAMPLE});
  const auto report = events.take();
  ASSERT_EQ(report.size(), 24U);
  EXPECT_EQ(word(report, 0), u32{PERF_RECORD_LOST});
  EXPECT_EQ(word(report, 8), 77U) << "the event's id";
  EXPECT_EQ(word(report, 16), lost);
  EXPECT_EQ(word(events.take(), 0), u32{PERF_RECORD_SAMPLE});
}

TEST(PerfEventArray, RecordsGoRoundAndAHostileTailOnlyLosesThem) {
  Events events;
  std::mt19937_64 random(1);
  std::vector<u8> bytes(3000);
  for (u32 i = 0; i < 3000; ++i) {
    for (u8& byte : bytes) byte = static_cast<u8>(random());
    const u64 size = random() % bytes.size();
    ASSERT_EQ(events.output(0, bytes.data(), size), 0);
    const auto record = events.take();
    ASSERT_EQ(std::memcmp(record.data() + 12, bytes.data(), size), 0) << i;
  }
  for (u32 i = 0; i < 3000; ++i) {
    events.page->data_tail = random();
    const auto rc = events.output(0, bytes.data(), random() % bytes.size());
    ASSERT_TRUE(rc == 0 || rc == -ENOSPC);
  }
}

TEST(PerfEventArray, ConsumersAreWokenAfterAsManySamplesAsTheyAskedFor) {
  Events events;
  EXPECT_EQ(events.output(0, "x", 1), 0);
  EXPECT_EQ(events.env.wake_count, 0U) << "it asked for every second one";
  EXPECT_EQ(events.output(0, "x", 1), 0);
  EXPECT_EQ(events.env.wake_count, 1U);
}

}  // namespace
}  // namespace maps_test
