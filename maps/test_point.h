// SPDX-License-Identifier: Apache-2.0
// test_point.h — places between two steps of a lock-free operation where a concurrency test lets other threads run.
//
// Shape     nothing in a normal build. Compiled with MAPS_TEST_POINTS, each point yields the CPU now and then.
// Threads   each thread has its own sequence of yields.
#pragma once

#ifdef MAPS_TEST_POINTS
#include <sched.h>
#endif

namespace maps {

inline void test_point() noexcept {
#ifdef MAPS_TEST_POINTS
  static thread_local unsigned state = 0x9e3779b9U ^ static_cast<unsigned>(reinterpret_cast<unsigned long>(&state));
  state = state * 1664525U + 1013904223U;
  if ((state >> 24) % 16 == 0) sched_yield();
#endif
}

}  // namespace maps
