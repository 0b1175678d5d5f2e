// SPDX-License-Identifier: Apache-2.0
// Ring buffers from both ends: programs' helpers, and a consumer that maps the handle as libbpf does.
#include "bpf/abi/host/ringbuf.h"

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "bpf/runtime/runtime.h"
#include "tests/unit/maps/map_under_test.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#include <sanitizer/tsan_interface.h>
#define SAW_RELEASE_AT(address) __tsan_acquire(const_cast<void*>(static_cast<const void*>(address)))
#define RELEASES_AT(address) __tsan_release(const_cast<void*>(static_cast<const void*>(address)))
#endif
#endif
#ifndef SAW_RELEASE_AT
#define SAW_RELEASE_AT(address) static_cast<void>(address)
#define RELEASES_AT(address) static_cast<void>(address)
#endif

extern "C" {
uint64_t bpf_ringbuf_reserve(bpf_env*, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
uint64_t bpf_ringbuf_submit(bpf_env*, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
uint64_t bpf_ringbuf_discard(bpf_env*, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
uint64_t bpf_ringbuf_output(bpf_env*, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
uint64_t bpf_ringbuf_query(bpf_env*, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);
}

namespace maps_test {
namespace {

constexpr u64 kPage = 4096;
enum Query : u64 { kAvailable, kSize, kConsumer, kProducer };

class Ring {
 public:
  explicit Ring(u32 size) : size_(size), map_(*make_map(spec_of(bpf::BPF_MAP_TYPE_RINGBUF, 0, 0, size))) {
    ops_ = *bpf::find_map_ops(bpf::BPF_MAP_TYPE_RINGBUF);
    const int fd = ops_->memory_fd(*map_);
    consumer_ = static_cast<u64*>(mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    const auto* rest = static_cast<u8*>(mmap(nullptr, kPage + 2 * size, PROT_READ, MAP_SHARED, fd, kPage));
    EXPECT_NE(consumer_, MAP_FAILED);
    EXPECT_NE(rest, MAP_FAILED);
    producer_ = reinterpret_cast<const u64*>(rest);
    data_ = rest + kPage;
  }
  ~Ring() {
    munmap(consumer_, kPage);
    munmap(const_cast<u64*>(producer_), kPage + 2 * size_);
  }

  u64 map() { return reinterpret_cast<u64>(map_->head()); }
  u64* reserve(bpf_env& env, u64 bytes, u64 flags = 0) {
    return reinterpret_cast<u64*>(bpf_ringbuf_reserve(&env, map(), bytes, flags, 0, 0));
  }
  void submit(bpf_env& env, u64* sample, u64 flags = 0) {
    bpf_ringbuf_submit(&env, reinterpret_cast<u64>(sample), flags, 0, 0, 0);
  }
  void discard(bpf_env& env, u64* sample) { bpf_ringbuf_discard(&env, reinterpret_cast<u64>(sample), 0, 0, 0, 0); }
  base::s64 output(bpf_env& env, const void* data, u64 bytes, u64 flags = 0) {
    return static_cast<base::s64>(bpf_ringbuf_output(&env, map(), reinterpret_cast<u64>(data), bytes, flags, 0));
  }
  u64 query(u64 what) {
    bpf_env env{};
    return bpf_ringbuf_query(&env, map(), what, 0, 0, 0);
  }

  // What libbpf's ring_buffer__consume does with one record. False: there is none that is finished. ThreadSanitizer
  // knows memory by its address: that the producers' mapping and this one are the same it must be told.
  template <class Each>
  bool consume(Each each) {
    const auto* ring = reinterpret_cast<const bpf_ringbuf*>(map_->head());
    const u64 pos = __atomic_load_n(consumer_, __ATOMIC_RELAXED);
    if (pos == __atomic_load_n(producer_, __ATOMIC_ACQUIRE)) return false;
    const u8* header = data_ + (pos & (size_ - 1));
    const u32 length = __atomic_load_n(reinterpret_cast<const u32*>(header), __ATOMIC_ACQUIRE);
    if (length & bpf::BPF_RINGBUF_BUSY_BIT) return false;
    SAW_RELEASE_AT(ring->data + (pos & (size_ - 1)));
    const u32 bytes = length & ~bpf::BPF_RINGBUF_DISCARD_BIT;
    if (!(length & bpf::BPF_RINGBUF_DISCARD_BIT)) each(header + 8, bytes);
    RELEASES_AT(ring->consumer_pos);
    __atomic_store_n(consumer_, pos + ((bytes + 8 + 7) & ~u64{7}), __ATOMIC_RELEASE);
    return true;
  }
  // A byte of the area as a reader sees it that maps it once.
  u8 byte_once(u64 pos) const { return data_[pos & (size_ - 1)]; }
  bool is_woken() {
    pollfd p{ops_->wake_fd(*map_), POLLIN, 0};
    return poll(&p, 1, 0) == 1;
  }
  void calm() {
    u64 count;
    static_cast<void>(!read(ops_->wake_fd(*map_), &count, sizeof count));
  }
  const bpf::MapOps& ops() { return *ops_; }
  bpf::Map& object() { return *map_; }

 private:
  u64 size_;
  std::unique_ptr<bpf::Map> map_;
  const bpf::MapOps* ops_ = nullptr;
  u64* consumer_ = nullptr;
  const u64* producer_ = nullptr;
  const u8* data_ = nullptr;
};

TEST(RingBuf, ARecordComesOutWithItsBytesInOrderOfReservation) {
  Ring ring(4096);
  bpf_env env{};
  u64* first = ring.reserve(env, 16);
  u64* second = ring.reserve(env, 24);
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  second[0] = 2;
  ring.submit(env, second);
  EXPECT_FALSE(ring.consume([](auto*, u32) { FAIL() << "the first one is not finished"; }));
  first[0] = 1;
  ring.submit(env, first);
  std::vector<u64> seen;
  while (ring.consume([&](const u8* bytes, u32 size) { seen.push_back(bytes[0] + size); }));
  EXPECT_EQ(seen, (std::vector<u64>{1 + 16, 2 + 24}));
}

TEST(RingBuf, TakesNoMoreThanItHolds) {
  Ring ring(4096);
  bpf_env env{};
  EXPECT_EQ(ring.reserve(env, 4096 - 8), nullptr) << "never to the brim";
  EXPECT_EQ(ring.reserve(env, u64{1} << 30), nullptr);
  EXPECT_EQ(ring.reserve(env, ~u64{0}), nullptr);
  EXPECT_EQ(ring.reserve(env, 8, 1), nullptr) << "no flags are known";
  u64* large = ring.reserve(env, 4096 - 24);
  ASSERT_NE(large, nullptr);
  EXPECT_EQ(ring.reserve(env, 8), nullptr);
  EXPECT_EQ(ring.output(env, "x", 1), -EAGAIN);
  EXPECT_EQ(ring.output(env, "x", 1, 4), -EINVAL);
  ring.discard(env, large);
  EXPECT_EQ(ring.query(kAvailable), 4096U - 16);
  EXPECT_TRUE(ring.consume([](auto*, u32) { FAIL() << "a discarded record is skipped"; }));
  EXPECT_EQ(ring.query(kAvailable), 0U);
  EXPECT_EQ(ring.query(kSize), 4096U);
  EXPECT_EQ(ring.query(kConsumer), 4096U - 16);
  EXPECT_EQ(ring.query(kProducer), 4096U - 16);
  EXPECT_EQ(ring.query(9), 0U);
  EXPECT_EQ(ring.output(env, "x", 1), 0);
}

TEST(RingBuf, ARecordAcrossTheEndIsWholeForBothKindsOfReaders) {
  Ring ring(4096);
  bpf_env env{};
  std::vector<u8> bytes(1000);
  std::mt19937 random(3);
  u64 at = 0;
  for (u32 round = 0; round < 50; ++round) {
    for (u8& byte : bytes) byte = static_cast<u8>(random());
    ASSERT_EQ(ring.output(env, bytes.data(), bytes.size()), 0);
    ASSERT_TRUE(ring.consume([&](const u8* seen, u32 size) {
      EXPECT_EQ((std::vector<u8>(seen, seen + size)), bytes) << "mapped twice, round " << round;
      for (u32 i = 0; i < size; ++i) ASSERT_EQ(ring.byte_once(at + 8 + i), bytes[i]) << "mapped once, round " << round;
    }));
    at += 1008;
  }
}

TEST(RingBuf, AConsumerThatSleepsIsWokenOnceAndAsTheFlagsSay) {
  Ring ring(4096);
  bpf_env env{};
  ring.output(env, "x", 1);
  EXPECT_EQ(env.wake_count, 1U) << "it had read everything, so it sleeps";
  EXPECT_FALSE(ring.is_woken()) << "not before the end of the burst";
  ring.output(env, "x", 1);
  EXPECT_EQ(env.wake_count, 1U);
  bpf_env_flush_wakes(&env);
  EXPECT_TRUE(ring.is_woken());
  ring.calm();
  ring.output(env, "x", 1);
  EXPECT_EQ(env.wake_count, 0U) << "it is behind, so it will look by itself";
  ring.output(env, "x", 1, bpf::BPF_RB_FORCE_WAKEUP);
  EXPECT_EQ(env.wake_count, 1U);
  bpf_env_flush_wakes(&env);
  while (ring.consume([](auto*, u32) {}));
  ring.output(env, "x", 1, bpf::BPF_RB_NO_WAKEUP);
  EXPECT_EQ(env.wake_count, 0U);
}

TEST(RingBuf, AClientThatWritesWhereItMustNotHurtsOnlyItsRecords) {
  Ring ring(4096);
  bpf_env env{};
  auto* all = static_cast<u8*>(
      mmap(nullptr, 2 * kPage + 8192, PROT_READ | PROT_WRITE, MAP_SHARED, ring.ops().memory_fd(ring.object()), 0));
  ASSERT_NE(all, MAP_FAILED);
  std::mt19937_64 random(5);
  for (u32 i = 0; i < 20000; ++i) {
    reinterpret_cast<u64*>(all)[0] = random() % 3 ? ring.query(kProducer) - random() % 5000 : random();
    for (u32 n = 0; n < 20; ++n) reinterpret_cast<u64*>(all)[kPage / 8 + random() % (kPage / 8 + 1024)] = random();
    if (u64* sample = ring.reserve(env, 8 * (1 + random() % 100))) {
      const auto* header = reinterpret_cast<u8*>(sample) - 8;
      const auto offset = header - reinterpret_cast<bpf_ringbuf*>(ring.map())->data;
      ASSERT_TRUE(offset >= 0 && offset < 4096) << "memory outside of the ring was handed out";
      reinterpret_cast<u32*>(sample)[-2] = static_cast<u32>(random());
      random() % 2 ? ring.submit(env, sample) : ring.discard(env, sample);
    }
  }
  munmap(all, 2 * kPage + 8192);
}

TEST(RingBufConcurrency, RecordsOfThreeProducersArriveOnceWholeAndInOrder) {
  constexpr u64 kEach = 10000;
  Ring ring(4096);
  std::atomic<u32> running{3};
  std::vector<std::thread> producers;
  for (u64 t = 0; t < 3; ++t)
    producers.emplace_back([&, t] {
      bpf_env env{};
      std::mt19937 random(static_cast<u32>(t));
      for (u64 i = 1; i <= kEach;) {
        const u64 words = 2 + random() % 30;
        u64* sample = ring.reserve(env, words * 8);
        if (sample == nullptr) {
          std::this_thread::yield();
          continue;
        }
        if (random() % 16 == 0) sched_yield();
        for (u64 w = 1; w < words; ++w) sample[w] = i * 4 + t;
        sample[0] = words;
        random() % 8 == 0 ? ring.discard(env, sample) : (ring.submit(env, sample), void(++i));
        env.wake_count = 0;
      }
      --running;
    });
  u64 last[3] = {0, 0, 0}, torn = 0, disordered = 0, count = 0;
  for (;;) {
    const bool over = running == 0;
    const bool any = ring.consume([&](const u8* bytes, u32 size) {
      u64 words[32];
      std::memcpy(words, bytes, std::min<std::size_t>(size, sizeof words));
      torn += words[0] * 8 != size;
      for (u64 w = 2; w < words[0] && w < 32; ++w) torn += words[w] != words[1];
      u64& before = last[words[1] % 4 % 3];
      disordered += words[1] / 4 != before + 1;
      before = words[1] / 4;
      ++count;
    });
    if (!any && over) break;
  }
  for (auto& thread : producers) thread.join();
  EXPECT_EQ(torn, 0U);
  EXPECT_EQ(disordered, 0U) << "a record was lost, came twice or out of order";
  EXPECT_EQ(count, 3 * kEach);
  EXPECT_EQ(ring.query(kAvailable), 0U);
}

}  // namespace
}  // namespace maps_test
