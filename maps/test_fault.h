// SPDX-License-Identifier: Apache-2.0
// test_fault.h — seeded mistakes: each leaves out one step that an operation's safety rests on, to show that the
// concurrency tests notice.
//
// Shape     nothing in a normal build. Compiled with MAPS_TEST_POINTS, the environment names the one mistake that the
//           process makes (MAPS_SEEDED_FAULT=name); tests/unit/maps/seeded_faults_test.py runs those it has rows for.
// Threads   any; read once.
#pragma once

#ifdef MAPS_TEST_POINTS
#include <cstdlib>
#include <string_view>
#endif

namespace maps {

//   hash   look_once          a look-up does not look at the slot again after it compared the key
//          clean_half         a dead slot becomes free while it still counts
//          give_before_swap   an update gives the old node back before the slot names the new one
//          reuse_early        BPF_F_NO_PREALLOC reuses a node without a grace period
//          evict_unpublished  an LRU table evicts entries that do not count yet
//   locks  lock_nothing       a value's lock is not taken
//          rewrite_blind      BPF_F_LOCK writes to a node without a second look at whose it is
//          fill_unlocked      a node is given to a new element while somebody else holds its lock
//   nodes  free_list_version  the head of a free list does not say that it was changed
//   trie   trie_reuse_early   nodes and elements are reused without a grace period
//   queue  publish_unfilled   an entry is there before its value
//   stack  give_before_fetch  a popped node is free before its value was copied
#ifdef MAPS_TEST_POINTS
inline bool seeded(std::string_view fault) noexcept {
  static const char* const chosen = std::getenv("MAPS_SEEDED_FAULT");
  return chosen != nullptr && fault == chosen;
}
#else
constexpr bool seeded(const char*) noexcept {
  return false;
}
#endif

}  // namespace maps
