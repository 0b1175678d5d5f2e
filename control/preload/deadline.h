// SPDX-License-Identifier: Apache-2.0
// deadline.h — a wait that is begun again waits only for what is left of its time.
#pragma once

#include <ctime>

#include "base/types.h"

namespace preload {

class Deadline {
 public:
  // Null: for ever.
  explicit Deadline(const timespec* timeout) : forever_(timeout == nullptr) {
    if (!forever_) at_ns_ = now_ns() + base::s64(timeout->tv_sec) * kSecond + timeout->tv_nsec;
  }
  explicit Deadline(int timeout_ms) : forever_(timeout_ms < 0) {
    if (!forever_) at_ns_ = now_ns() + base::s64(timeout_ms) * 1'000'000;
  }

  bool is_over() const { return !forever_ && now_ns() >= at_ns_; }
  // Null: for ever.
  const timespec* left(timespec& room) const {
    if (forever_) return nullptr;
    const base::s64 ns = at_ns_ > now_ns() ? at_ns_ - now_ns() : 0;
    room = {time_t(ns / kSecond), long(ns % kSecond)};
    return &room;
  }
  int left_ms() const {
    if (forever_) return -1;
    const base::s64 ns = at_ns_ - now_ns();
    return ns <= 0 ? 0 : int((ns + 999'999) / 1'000'000);
  }

 private:
  static constexpr base::s64 kSecond = 1'000'000'000;
  static base::s64 now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return base::s64(now.tv_sec) * kSecond + now.tv_nsec;
  }

  bool forever_;
  base::s64 at_ns_ = 0;
};

}  // namespace preload
