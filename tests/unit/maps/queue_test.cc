// SPDX-License-Identifier: Apache-2.0
#include "maps/queue.h"

#include <atomic>
#include <deque>
#include <map>
#include <random>
#include <thread>

#include "base/percpu.h"
#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

using bpf::BPF_ANY;
using bpf::BPF_EXIST;
using bpf::BPF_NOEXIST;

struct Word {
  u64 number = 0;
  u64 check = 0;
  static Word of(u64 number) { return {number, number * 0x9e3779b97f4a7c15}; }
  bool whole() const { return check == number * 0x9e3779b97f4a7c15; }
};

// Queue or stack, from a program's side.
class Values {
 public:
  Values(bpf::bpf_map_type type, u32 max_entries) {
    auto made = make_map(spec_of(type, 0, sizeof(Word), max_entries));
    EXPECT_TRUE(made.ok());
    map_ = *std::move(made);
  }
  base::s64 push(u64 number, u64 flags = BPF_ANY, u32 cpu = 0) {
    const Word word = Word::of(number);
    bpf_env env{};
    env.cpu = cpu;
    return runtime().push(&env, map_->head(), map_->head()->shape, &word, flags);
  }
  // The number, or a negative errno.
  base::s64 pop(u32 cpu = 0) {
    bpf_env env{};
    env.cpu = cpu;
    Word word = Word::of(1);
    const auto rc = runtime().pop(&env, map_->head(), map_->head()->shape, &word);
    EXPECT_TRUE(word.whole()) << "a value came out that nobody put in";
    return rc != 0 ? rc : static_cast<base::s64>(word.number);
  }
  base::s64 peek() {
    bpf_env env{};
    Word word = Word::of(1);
    const auto rc = runtime().peek(&env, map_->head(), map_->head()->shape, &word);
    EXPECT_TRUE(word.whole()) << "a torn value was seen";
    return rc != 0 ? rc : static_cast<base::s64>(word.number);
  }

 private:
  const bpf_map_runtime& runtime() { return *map_->head()->runtime; }
  std::unique_ptr<bpf::Map> map_;
};

void agrees_with_a_deque(bpf::bpf_map_type type, u32 max_entries) {
  const bool queue = type == bpf::BPF_MAP_TYPE_QUEUE;
  Values map(type, max_entries);
  std::deque<u64> model;
  std::mt19937_64 random(max_entries);
  for (u32 step = 1; step < 40000; ++step) {
    const u64 expected_value = model.empty() ? 0 : queue ? model.front() : model.back();
    switch (random() % 5) {
      case 0:
      case 1: {
        const u64 flags = random() % 4;
        const bool full = model.size() == max_entries;
        const int expected = flags == BPF_NOEXIST || flags > BPF_EXIST ? -EINVAL
                             : full && flags != BPF_EXIST              ? -E2BIG
                                                                       : 0;
        ASSERT_EQ(map.push(step, flags), expected);
        if (expected != 0) break;
        if (full) model.pop_front();
        model.push_back(step);
        break;
      }
      case 2:
        ASSERT_EQ(map.peek(), model.empty() ? -ENOENT : static_cast<base::s64>(expected_value));
        break;
      default:
        ASSERT_EQ(map.pop(), model.empty() ? -ENOENT : static_cast<base::s64>(expected_value)) << step;
        if (!model.empty() && queue)
          model.pop_front();
        else if (!model.empty())
          model.pop_back();
    }
  }
}

TEST(Queue, AgreesWithADequeWhateverItsSize) {
  for (u32 size : {1U, 2U, 3U, 7U, 64U}) agrees_with_a_deque(bpf::BPF_MAP_TYPE_QUEUE, size);
}
TEST(Stack, AgreesWithADequeWhateverItsSize) {
  for (u32 size : {1U, 2U, 3U, 7U, 64U}) agrees_with_a_deque(bpf::BPF_MAP_TYPE_STACK, size);
}

// Four threads, two pushing and two popping, with yields inside the steps: every value comes out once at most, none is
// torn, and what was not popped is there at the end. Overwriting pushes may lose values, but never give one twice.
void every_value_goes_once(bpf::bpf_map_type type, u32 max_entries, u64 flags) {
  constexpr u32 kEach = 4000;
  Values map(type, max_entries);
  std::vector<std::atomic<u32>> seen(2 * kEach + 1);
  std::atomic<u32> pushed{0}, popped{0}, out_of_order{0};
  std::atomic<u32> running{2};
  std::vector<std::thread> threads;
  for (u32 t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      for (u32 i = 0; i < kEach;)
        if (map.push(1 + t * kEach + i, flags, t % base::possible_cpu_count()) == 0)
          ++pushed, ++i;
        else
          std::this_thread::yield();
      --running;
    });
    threads.emplace_back([&, t] {
      u64 last[2] = {0, 0};
      while (true) {
        const bool over = running == 0;
        const auto number = map.pop(t % base::possible_cpu_count());
        if (number < 0) {
          if (over) break;
          std::this_thread::yield();
          continue;
        }
        ++seen[static_cast<u64>(number)];
        ++popped;
        u64& before = last[static_cast<u64>(number) > kEach];
        if (type == bpf::BPF_MAP_TYPE_QUEUE && static_cast<u64>(number) < before) ++out_of_order;
        before = static_cast<u64>(number);
        map.peek();
      }
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& times : seen) ASSERT_LE(times, 1U) << "a value was popped twice";
  EXPECT_EQ(out_of_order, 0U) << "one producer's values overtook each other";
  if (flags == BPF_ANY) EXPECT_EQ(popped, pushed);
  EXPECT_EQ(map.pop(), -ENOENT);
  // Nothing has leaked: it takes max_entries, and not one more.
  for (u32 i = 0; i < max_entries; ++i) ASSERT_EQ(map.push(i + 1), 0) << i;
  EXPECT_EQ(map.push(9), -E2BIG);
}

TEST(QueueConcurrency, EveryValueGoesToExactlyOnePop) {
  for (u32 size : {1U, 3U, 64U}) every_value_goes_once(bpf::BPF_MAP_TYPE_QUEUE, size, BPF_ANY);
}
TEST(QueueConcurrency, OverwritingNeverGivesAValueTwice) {
  for (u32 size : {1U, 3U, 64U}) every_value_goes_once(bpf::BPF_MAP_TYPE_QUEUE, size, BPF_EXIST);
}
TEST(StackConcurrency, EveryValueGoesToExactlyOnePop) {
  for (u32 size : {1U, 3U, 64U}) every_value_goes_once(bpf::BPF_MAP_TYPE_STACK, size, BPF_ANY);
}
TEST(StackConcurrency, OverwritingNeverGivesAValueTwice) {
  for (u32 size : {1U, 3U, 64U}) every_value_goes_once(bpf::BPF_MAP_TYPE_STACK, size, BPF_EXIST);
}

}  // namespace
}  // namespace maps_test
