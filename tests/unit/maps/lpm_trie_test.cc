// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <map>
#include <random>

#include "base/reclaim.h"
#include "tests/unit/maps/map_under_test.h"

namespace maps_test {
namespace {

using bpf::BPF_EXIST;
using bpf::BPF_F_NO_PREALLOC;
using bpf::BPF_MAP_TYPE_LPM_TRIE;
using bpf::BPF_NOEXIST;

template <std::size_t N>
struct __attribute__((packed)) Prefix {
  u32 length = 0;
  std::array<u8, N> data{};
  bool operator==(const Prefix&) const = default;
  auto operator<=>(const Prefix&) const = default;
  u32 bit(u32 at) const { return data[at / 8] >> (7 - at % 8) & 1; }
};

template <std::size_t N>
bool covers(const Prefix<N>& prefix, const Prefix<N>& key) {
  if (prefix.length > key.length) return false;
  for (u32 i = 0; i < prefix.length; ++i)
    if (prefix.bit(i) != key.bit(i)) return false;
  return true;
}

// Linux's order of iteration: what a prefix covers comes before it, 0 before 1.
template <std::size_t N>
bool comes_before(const Prefix<N>& a, const Prefix<N>& b) {
  for (u32 i = 0; i < std::min(a.length, b.length); ++i)
    if (a.bit(i) != b.bit(i)) return a.bit(i) < b.bit(i);
  return a.length > b.length;
}

// The map as a plain list, searched from end to end.
template <std::size_t N>
struct Brute {
  std::vector<std::pair<Prefix<N>, u32>> entries;

  auto exact(const Prefix<N>& key) {
    return std::find_if(entries.begin(), entries.end(),
                        [&](auto& e) { return e.first.length == key.length && covers(e.first, key); });
  }
  std::optional<u32> longest(const Prefix<N>& key) {
    const std::pair<Prefix<N>, u32>* best = nullptr;
    for (auto& e : entries)
      if (covers(e.first, key) && (best == nullptr || e.first.length > best->first.length)) best = &e;
    return best == nullptr ? std::nullopt : std::optional(best->second);
  }
};

template <std::size_t N>
void check_order(TestMap<Prefix<N>, u32>& map, Brute<N>& brute) {
  auto sorted = brute.entries;
  std::sort(sorted.begin(), sorted.end(), [](auto& a, auto& b) { return comes_before(a.first, b.first); });
  const auto seen = map.keys(sorted.size() + 1);
  ASSERT_EQ(seen.size(), sorted.size());
  for (std::size_t i = 0; i < seen.size(); ++i) ASSERT_EQ(seen[i], sorted[i].first) << "place " << i;
}

template <std::size_t N>
void run_model(u32 seed, u32 length_max, u32 steps) {
  TestMap<Prefix<N>, u32> map(BPF_MAP_TYPE_LPM_TRIE, 150, BPF_F_NO_PREALLOC);
  Brute<N> brute;
  std::mt19937 random(seed);
  const auto draw = [&] {
    Prefix<N> p;
    p.length = random() % (length_max + 1);
    // Few values per byte, so that prefixes cover each other; host bits are drawn as well and must be kept.
    for (auto& byte : p.data) byte = static_cast<u8>((random() % 3) * 0x55 + random() % 2);
    return p;
  };
  for (u32 step = 0; step < steps; ++step) {
    auto key = draw();
    if (step % 3 == 0 && !brute.entries.empty()) key = brute.entries[random() % brute.entries.size()].first;
    const auto at = brute.exact(key);
    const bool there = at != brute.entries.end();
    switch (random() % 4) {
      case 0:
      case 1: {
        const u64 flags = random() % 4;
        const int expected = flags > BPF_EXIST                       ? -EINVAL
                             : there && flags == BPF_NOEXIST         ? -EEXIST
                             : !there && flags == BPF_EXIST          ? -ENOENT
                             : !there && brute.entries.size() == 150 ? -ENOSPC
                                                                     : 0;
        ASSERT_EQ(map.update(key, step, flags), expected) << "seed " << seed << " step " << step;
        if (expected == 0) {
          if (there) brute.entries.erase(at);
          brute.entries.emplace_back(key, step);
        }
        break;
      }
      case 2:
        ASSERT_EQ(map.erase(key), there ? 0 : -ENOENT) << "seed " << seed << " step " << step;
        if (there) brute.entries.erase(at);
        break;
      default:
        ASSERT_EQ(map.lookup(key), brute.longest(key)) << "seed " << seed << " step " << step;
        key.length = N * 8;
        ASSERT_EQ(map.lookup(key), brute.longest(key)) << "seed " << seed << " step " << step;
    }
    ASSERT_EQ(map.count(), brute.entries.size());
    if (step % 97 == 0) ASSERT_NO_FATAL_FAILURE(check_order(map, brute)) << "seed " << seed << " step " << step;
  }
}

TEST(LpmTrie, AgreesWithABruteForceListForEveryKeyLength) {
  run_model<1>(1, 8, 8000);
  run_model<2>(2, 16, 8000);
  run_model<4>(3, 32, 20000);
  run_model<5>(4, 40, 8000);
  run_model<16>(5, 128, 8000);
  run_model<256>(6, 2048, 1500);
}

// Every set of prefixes of up to 3 bits, every key of up to 8: nothing is left to chance where nodes begin and end.
TEST(LpmTrie, EverySetOfShortPrefixesAnswersEveryKey) {
  std::vector<Prefix<1>> prefixes;
  for (u32 length = 0; length <= 3; ++length)
    for (u32 bits = 0; bits < 1U << length; ++bits)
      prefixes.push_back({length, {static_cast<u8>(length == 0 ? 0 : bits << (8 - length))}});
  TestMap<Prefix<1>, u32> map(BPF_MAP_TYPE_LPM_TRIE, 16, BPF_F_NO_PREALLOC);
  Brute<1> brute;
  for (u32 set = 0; set < 1U << prefixes.size(); ++set) {
    // Gray code: one prefix comes or goes from one set to the next.
    const u32 changed = set == 0 ? 0 : static_cast<u32>(__builtin_ctz(set));
    if (set != 0) {
      if (const auto at = brute.exact(prefixes[changed]); at != brute.entries.end()) {
        ASSERT_EQ(map.erase(prefixes[changed]), 0);
        brute.entries.erase(at);
      } else {
        ASSERT_EQ(map.update(prefixes[changed], set), 0);
        brute.entries.emplace_back(prefixes[changed], set);
      }
    }
    if (set % 7 != 0) continue;
    for (u32 length = 0; length <= 8; ++length)
      for (u32 byte = 0; byte < 256; byte += 1U << (8 - std::min(length, 4U))) {
        const Prefix<1> key{length, {static_cast<u8>(byte)}};
        ASSERT_EQ(map.lookup(key), brute.longest(key)) << "set " << set << " /" << length << " byte " << byte;
      }
  }
}

TEST(LpmTrie, LongestPrefixWinsAcrossAllThirtyThreeLengths) {
  TestMap<Prefix<4>, u32> map(BPF_MAP_TYPE_LPM_TRIE, 100, BPF_F_NO_PREALLOC);
  for (u32 length = 0; length <= 32; ++length) ASSERT_EQ(map.update({length, {10, 20, 30, 40}}, length), 0);
  for (u32 length = 0; length <= 32; ++length) {
    ASSERT_EQ(map.lookup({length, {10, 20, 30, 40}}), length) << "a key is never longer than it says";
    if (length == 32) break;
    Prefix<4> other{32, {10, 20, 30, 40}};
    other.data[length / 8] ^= static_cast<u8>(0x80 >> length % 8);
    ASSERT_EQ(map.lookup(other), length);
  }
}

TEST(LpmTrie, KeepsTheHostBitsOfAKeyAndReplacesThemWithTheValue) {
  TestMap<Prefix<4>, u32> map(BPF_MAP_TYPE_LPM_TRIE, 10, BPF_F_NO_PREALLOC);
  ASSERT_EQ(map.update({8, {10, 1, 2, 3}}, 1), 0);
  EXPECT_EQ(map.keys().at(0), (Prefix<4>{8, {10, 1, 2, 3}}));
  ASSERT_EQ(map.update({8, {10, 9, 9, 9}}, 2), 0);
  EXPECT_EQ(map.keys().at(0), (Prefix<4>{8, {10, 9, 9, 9}}));
  EXPECT_EQ(map.count(), 1U);
}

TEST(LpmTrie, RefusesPrefixesLongerThanTheKey) {
  TestMap<Prefix<4>, u32> map(BPF_MAP_TYPE_LPM_TRIE, 10, BPF_F_NO_PREALLOC);
  EXPECT_EQ(map.update({33, {}}, 1), -EINVAL);
  EXPECT_EQ(map.erase({33, {}}), -EINVAL);
  EXPECT_EQ(map.lookup({33, {}}), std::nullopt);
}

TEST(LpmTrie, AnElementStaysForAReaderThatIsNotQuiescent) {
  auto reader = *base::Reclaim::process().join();
  TestMap<Prefix<4>, u32> map(BPF_MAP_TYPE_LPM_TRIE, 100, BPF_F_NO_PREALLOC);
  bpf_env env{};
  reader.online();
  ASSERT_EQ(map.update({24, {1, 2, 3, 0}}, 42), 0);
  const u32* held = map.find(env, {32, {1, 2, 3, 4}});
  ASSERT_NE(held, nullptr);
  ASSERT_EQ(map.erase({24, {1, 2, 3, 0}}), 0);
  for (u32 i = 0; i < 1000; ++i) {
    ASSERT_EQ(map.update({24, {1, 2, static_cast<u8>(i), 0}}, i), 0);
    ASSERT_EQ(map.erase({24, {1, 2, static_cast<u8>(i), 0}}), 0);
  }
  EXPECT_EQ(*held, 42U);
  reader.offline();
}

TEST(LpmTrie, MemoryIsReusedWhenReadersArePast) {
  TestMap<Prefix<4>, u32> map(BPF_MAP_TYPE_LPM_TRIE, 100, BPF_F_NO_PREALLOC);
  for (u32 i = 0; i < 1000; ++i) {
    ASSERT_EQ(map.update({24, {1, 2, static_cast<u8>(i), 0}}, i), 0);
    ASSERT_EQ(map.erase({24, {1, 2, static_cast<u8>(i), 0}}), 0);
  }
  const u64 after_warming_up = map.ops().memory_bytes(map.map());
  for (u32 i = 0; i < 100000; ++i) {
    ASSERT_EQ(map.update({24, {1, 2, static_cast<u8>(i), 0}}, i), 0);
    ASSERT_EQ(map.erase({24, {1, 2, static_cast<u8>(i), 0}}), 0);
  }
  EXPECT_EQ(map.ops().memory_bytes(map.map()), after_warming_up);
}

}  // namespace
}  // namespace maps_test
