// SPDX-License-Identifier: Apache-2.0
// four_threads.h — the frame of the concurrency tests: four workers on one map, and values that tell whether they are
// whole. For tests that are linked with the maps library with test points (maps/test_point.h).
#pragma once

#include <atomic>
#include <cstdlib>
#include <map>
#include <random>
#include <thread>

#include "base/percpu.h"
#include "base/reclaim.h"
#include "tests/unit/maps/map_under_test.h"

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MAPS_TEST_SLOW 8
#endif
#endif
#ifndef MAPS_TEST_SLOW
#define MAPS_TEST_SLOW 1
#endif

#if MAPS_TEST_SLOW > 1
// DPDK reads and writes its acknowledged token without an atomic; any of the values it may see is a safe one.
extern "C" const char* __tsan_default_suppressions() {
  return "race:rte_rcu_qsbr_check\n";
}
#endif

namespace maps_test {

inline constexpr u32 kThreads = 4;
// Of each thread; MAPS_TEST_STEPS in the environment asks for another number.
inline u32 steps_wanted() {
  const char* wanted = std::getenv("MAPS_TEST_STEPS");
  return wanted != nullptr ? static_cast<u32>(std::atoi(wanted)) : 60000 / MAPS_TEST_SLOW;
}
inline const u32 kSteps = steps_wanted();

// A value that tells whether it is whole, and whose it is.
struct Stamp {
  u64 key = 0;
  u64 number = 0;
  u64 check = 0;
  static Stamp of(u64 key, u64 number) { return {key, number, (key ^ number) * 0x9e3779b97f4a7c15}; }
  bool whole(u64 for_key) const { return key == for_key && check == of(key, number).check; }
};

// A worker: on line, quiescent after every step, with its own env.
template <class Step>
void as_worker(u32 index, u32 steps, Step step) {
  auto reader = *base::Reclaim::process().join();
  reader.online();
  bpf_env env{};
  env.cpu = index % base::possible_cpu_count();
  std::mt19937 random(index * 7919 + 13);
  for (u32 i = 0; i < steps; ++i) {
    step(env, random, i);
    reader.quiescent();
  }
  reader.offline();
}

template <class Step>
void on_four_threads(Step step, u32 steps = kSteps) {
  std::vector<std::thread> threads;
  for (u32 t = 0; t < kThreads; ++t)
    threads.emplace_back(
        [&, t] { as_worker(t, steps, [&](auto& env, auto& random, u32 i) { step(t, env, random, i); }); });
  for (auto& thread : threads) thread.join();
}

}  // namespace maps_test
