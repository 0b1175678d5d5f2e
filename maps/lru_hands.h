// SPDX-License-Identifier: Apache-2.0
// lru_hands.h — which node an LRU table looks at next when it needs one: a clock, with a hand for each part.
//
//   nodes  1 2 3 4 5 6 7 8 …            the hand goes round; a node whose `used` is set loses it and stays, the
//              ▲ hand: a window of 16    next one that lost it before goes. A new element takes the victim's node,
//                for one lane            so the hand comes to it last.
//
// Shape     a hand moves by windows, so that CPUs meet on its word only once in kWindow nodes.
// Threads   any, lock-free. Two threads of one lane may be shown the same node; only one can take it out.
// Cost      one node's first line per step; the lines come in order.
// Source    second-chance clock (Corbató 1968). Linux keeps two lists under a lock; what is evicted differs, how much
//           and how little is the same: never more than is needed, and not what was used since the hand came by, unless
//           all was.
#pragma once

#include <atomic>
#include <memory>

#include "base/percpu.h"
#include "base/types.h"

namespace maps {

class LruHands {
 public:
  static constexpr base::u32 kWindow = 16;
  // So many nodes keep their second chance in one search; then the next one goes, used or not.
  static constexpr base::u32 kChances = 512;
  // A search that finds nothing to evict is made again so often: between two of them others have changed every node.
  static constexpr base::u32 kRounds = 8;

  void init(base::u32 parts, base::u32 lanes) {
    lanes_ = lanes;
    hands_ = std::make_unique<Word[]>(parts);
    windows_ = std::make_unique<Word[]>(lanes);
  }

  // A running number, to be taken modulo the part's nodes.
  base::u32 next(base::u32 part, base::u32 lane) noexcept {
    std::atomic<base::u32>& window = windows_[lane % lanes_].at;
    base::u32 at = window.load(std::memory_order_relaxed);
    if (at % kWindow == 0) at = hands_[part].at.fetch_add(kWindow, std::memory_order_relaxed);
    window.store(at + 1, std::memory_order_relaxed);
    return at;
  }

 private:
  struct alignas(base::kCacheLine) Word {
    std::atomic<base::u32> at{0};
  };
  base::u32 lanes_ = 1;
  std::unique_ptr<Word[]> hands_;
  std::unique_ptr<Word[]> windows_;
};

}  // namespace maps
