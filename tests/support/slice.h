// SPDX-License-Identifier: Apache-2.0
// slice.h — how much of an endless random test a run takes, and where it begins.
//
// Shape     SLUICE_SEED sets the seed; without it every run is another one. tools/test derives it from the commit, so
//           that a commit is judged by the same slice everywhere, and the next commit by another.
//           SLUICE_LONG (tools/test --long) makes every slice 20 times as long.
#pragma once

#include <cstdlib>
#include <random>

#include "base/types.h"

namespace support {

inline base::u64 slice_seed() {
  if (const char* chosen = std::getenv("SLUICE_SEED")) return std::strtoull(chosen, nullptr, 0);
  std::random_device random;
  return base::u64{random()} << 32 | random();
}

inline double slice_length(double usual) {
  constexpr double kLong = 20;
  return std::getenv("SLUICE_LONG") ? usual * kLong : usual;
}

}  // namespace support
