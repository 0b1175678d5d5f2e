// SPDX-License-Identifier: Apache-2.0
// histogram.h — log-linear histogram of times: 64 buckets per power of two, so a percentile is right to 1.6 %.
//
// Threads   one writer; histograms are added up afterwards.
// Cost      add: a shift, a subtraction, one increment.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace perf {

class Histogram {
 public:
  void add(std::uint64_t value) noexcept {
    ++buckets_[index(value)];
    ++count_;
    min_ = std::min(min_, value);
    max_ = std::max(max_, value);
  }
  // The smallest value that at least `fraction` of all values do not exceed, rounded up to its bucket's end. 0 if
  // empty.
  std::uint64_t percentile(double fraction) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(fraction * static_cast<double>(count_) + 0.999999);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i)
      if (seen += buckets_[i]; seen >= wanted && seen > 0) return std::min(last_of(i), max_);
    return max_;
  }
  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t min() const noexcept { return count_ ? min_ : 0; }
  std::uint64_t max() const noexcept { return max_; }

 private:
  static constexpr unsigned kSubBits = 6;
  static constexpr std::size_t kSub = std::size_t{1} << kSubBits;
  static constexpr std::size_t kBuckets = (64 - kSubBits + 1) * kSub;

  static std::size_t index(std::uint64_t v) noexcept {
    if (v < kSub) return v;
    const unsigned shift = static_cast<unsigned>(std::bit_width(v)) - 1 - kSubBits;
    return (shift + 1) * kSub + ((v >> shift) - kSub);
  }
  static std::uint64_t last_of(std::size_t i) noexcept {
    if (i < kSub) return i;
    const auto shift = static_cast<unsigned>(i / kSub - 1);
    return ((kSub + i % kSub + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t min_ = ~std::uint64_t{0};
  std::uint64_t max_ = 0;
};

}  // namespace perf
