// SPDX-License-Identifier: Apache-2.0
// lpm_trie.cc — BPF_MAP_TYPE_LPM_TRIE.
#include "maps/lpm_trie.h"

#include <bit>
#include <cstring>

#include "base/percpu.h"
#include "maps/check.h"
#include "maps/head.h"
#include "maps/ops.h"
#include "maps/test_fault.h"
#include "maps/test_point.h"

namespace maps {
namespace {

constexpr u32 kStride = MAPS_LPM_STRIDE;
// Refs that a node of each class has room for: 24 bytes of bit maps and the refs fill 32, 64, 128, 256 and 832 bytes.
constexpr u32 kClassRefs[MAPS_LPM_CLASSES] = {2, 10, 26, 58, 190};
constexpr u32 kClassBytes[MAPS_LPM_CLASSES] = {32, 64, 128, 256, 832};

u64 bit(u32 at) {
  return u64{1} << at;
}
u32 inner_bit(u32 length, u32 bits) {
  return (1U << length) - 2 + bits;
}

}  // namespace

// A node in full: what belongs to each bit, ready to be changed and written out again.
struct LpmTrie::Draft {
  u64 inner = 0;
  u64 full = 0;
  u64 children = 0;
  u32 refs[190];
  u32 count = 0;

  explicit Draft(const lpm_node* node) {
    if (node == nullptr) return;
    inner = node->inner;
    full = node->full;
    children = node->children;
    count = static_cast<u32>(std::popcount(inner) + std::popcount(full) + std::popcount(children));
    std::memcpy(refs, node->refs, count * sizeof refs[0]);
  }

  // Sets the ref of bit `at` of `word`; 0 takes it out.
  void put(u64& word, u32 at, u32 ref) {
    u32 rank = static_cast<u32>(std::popcount(word & (bit(at) - 1)));
    if (&word != &children) rank += static_cast<u32>(std::popcount(children));
    if (&word == &full) rank += static_cast<u32>(std::popcount(inner));
    const bool there = word & bit(at);
    if (!there && ref != 0) {
      std::memmove(&refs[rank + 1], &refs[rank], (count++ - rank) * sizeof refs[0]);
      word |= bit(at);
    } else if (there && ref == 0) {
      std::memmove(&refs[rank], &refs[rank + 1], (--count - rank) * sizeof refs[0]);
      word &= ~bit(at);
    }
    if (ref != 0) refs[rank] = ref;
  }

  // The element of a prefix that ends in this node.
  void put_prefix(u32 length, u32 bits, u32 element) {
    if (length == kStride)
      put(full, bits, element);
    else
      put(inner, inner_bit(length, bits >> (kStride - length)), element);
  }
};

base::Status LpmTrie::init(const bpf::MapSpec& spec) {
  const std::string what = "map '" + spec.name + "'";
  SLUICE_TRY(charge_, base::MemoryCharge::make(base::MemoryBudget::process(), what, 0));
  const int numa = (spec.map_flags & bpf::BPF_F_NUMA_NODE) ? static_cast<int>(spec.numa_node) : -1;
  const u32 lanes = std::min(base::possible_cpu_count(), 64U);
  element_stride = maps_round_up8(spec.value_size) + u64{maps_round_up8(spec.key_size)};
  const u64 elements_max = u64{spec.max_entries} + kWaitingMax;
  SLUICE_CHECK(elements_pool_.init(what, &charge_, element_stride, elements_max, lanes, numa));
  elements = elements_pool_.data();
  // A path has so many nodes at most; each element and each node but the root takes one ref, so that nodes of a class
  // are at most as many as the refs, divided by the fewest refs of that class.
  const u64 levels = (u64{spec.key_size} - 4) * 8 / kStride + 1;
  const u64 refs_max = u64{spec.max_entries} * (levels + 1);
  for (u32 i = 0; i < MAPS_LPM_CLASSES; ++i) {
    const u64 fewest = i == 0 ? 1 : kClassRefs[i - 1] + 1;
    SLUICE_CHECK(node_pools_[i].init(what, &charge_, kClassBytes[i], refs_max / fewest + kWaitingMax, lanes, numa));
    nodes[i] = node_pools_[i].data();
    node_stride[i] = kClassBytes[i];
  }
  return base::success();
}

LpmTrie::Prefix LpmTrie::prefix_of(const void* key) const noexcept {
  u32 length;
  std::memcpy(&length, key, sizeof length);
  return {static_cast<const u8*>(key) + 4, map.shape.key_size - 4, length};
}

void LpmTrie::walk(const Prefix& prefix, Path& path) const noexcept {
  path.root = __atomic_load_n(&root, __ATOMIC_ACQUIRE);
  path.levels = (prefix.length + kStride - 1) / kStride;
  path.present = 0;
  path.element = path.levels == 0 ? static_cast<u32>(path.root >> 32) : 0;
  u32 ref = static_cast<u32>(path.root);
  for (u32 level = 0; level < path.levels && ref != 0; ++level) {
    path.old_refs[level] = ref;
    path.present = level + 1;
    const lpm_node& at = node(ref);
    const u32 bits = prefix.bits_at(level * kStride);
    const u32 left = prefix.length - level * kStride;
    if (level + 1 < path.levels) {
      ref = at.children & bit(bits) ? at.refs[maps_lpm_rank_child(&at, bits)] : 0;
    } else if (left == kStride) {
      path.element = at.full & bit(bits) ? at.refs[maps_lpm_rank_full(&at, bits)] : 0;
    } else {
      const u32 inner = inner_bit(left, bits >> (kStride - left));
      path.element = at.inner & bit(inner) ? at.refs[maps_lpm_rank_inner(&at, inner)] : 0;
    }
  }
}

u32 LpmTrie::make_element(const void* key, const void* value, u32 lane) noexcept {
  const u32 element = elements_pool_.take(lane);
  if (element == 0) return 0;
  auto* words = reinterpret_cast<u64*>(elements_pool_.at(element));
  maps_store_bytes(words, value, map.shape.value_size);
  maps_store_bytes(words + maps_round_up8(map.shape.value_size) / 8, key, map.shape.key_size);
  return element;
}

u32 LpmTrie::make_node(const Draft& draft, u32 lane) noexcept {
  u32 size_class = 0;
  while (kClassRefs[size_class] < draft.count) ++size_class;
  const u32 number = node_pools_[size_class].take(lane);
  if (number == 0) return 0;
  auto* made = reinterpret_cast<lpm_node*>(node_pools_[size_class].at(number));
  __atomic_store_n(&made->inner, draft.inner, __ATOMIC_RELAXED);
  made->full = draft.full;
  made->children = draft.children;
  std::memcpy(made->refs, draft.refs, draft.count * sizeof draft.refs[0]);
  return size_class << MAPS_LPM_CLASS_SHIFT | number;
}

// Makes path.new_refs: every node of the path with the prefix's element in it, or, with element 0, without; a node that
// comes out empty is 0. False: no memory.
bool LpmTrie::rebuild(const Prefix& prefix, Path& path, u32 element, u32 lane) noexcept {
  std::fill_n(path.new_refs, path.levels, 0U);
  for (u32 level = path.levels; level-- > 0;) {
    Draft draft(level < path.present ? &node(path.old_refs[level]) : nullptr);
    const u32 bits = prefix.bits_at(level * kStride);
    if (level + 1 == path.levels)
      draft.put_prefix(prefix.length - level * kStride, bits, element);
    else
      draft.put(draft.children, bits, path.new_refs[level + 1]);
    if (draft.count == 0) continue;
    path.new_refs[level] = make_node(draft, lane);
    if (path.new_refs[level] == 0) {
      discard(path, lane);
      return false;
    }
  }
  return true;
}

// Gives back new nodes that were never linked.
void LpmTrie::discard(Path& path, u32 lane) noexcept {
  for (u32 level = 0; level < path.levels; ++level)
    if (const u32 ref = std::exchange(path.new_refs[level], 0U))
      node_pools_[ref >> MAPS_LPM_CLASS_SHIFT].give(lane, ref & MAPS_LPM_NUMBER_MASK);
}

bool LpmTrie::swap_root(Path& path, u64 desired, u32 lane) noexcept {
  test_point();
  u64 expected = path.root;
  if (!__atomic_compare_exchange_n(&root, &expected, desired, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
    discard(path, lane);
    return false;
  }
  for (u32 level = 0; level < path.present; ++level) {
    const u32 ref = path.old_refs[level];
    auto& pool = node_pools_[ref >> MAPS_LPM_CLASS_SHIFT];
    if (seeded("trie_reuse_early"))
      pool.give(lane, ref & MAPS_LPM_NUMBER_MASK);
    else
      pool.give_later(lane, ref & MAPS_LPM_NUMBER_MASK);
  }
  if (path.element != 0 && seeded("trie_reuse_early"))
    elements_pool_.give(lane, path.element);
  else if (path.element != 0)
    elements_pool_.give_later(lane, path.element);
  return true;
}

bool LpmTrie::take_count() noexcept {
  u64 count = count_.load(std::memory_order_acquire);
  while (count < map.shape.max_entries)
    if (count_.compare_exchange_weak(count, count + 1, std::memory_order_acquire)) return true;
  return false;
}

int LpmTrie::update(const void* key, const void* value, u64 flags, u32 lane) noexcept {
  const Prefix prefix = prefix_of(key);
  if (flags > bpf::BPF_EXIST || prefix.length > prefix.data_size * 8) return -EINVAL;
  const u32 element = make_element(key, value, lane);
  bool counted = false;
  int result = element == 0 ? -ENOMEM : 1;
  while (result == 1) {
    Path path;
    walk(prefix, path);
    if (path.element != 0 && flags == bpf::BPF_NOEXIST) {
      result = -EEXIST;
    } else if (path.element == 0 && flags == bpf::BPF_EXIST) {
      result = -ENOENT;
    } else if (path.element == 0 && !counted && !(counted = take_count())) {
      result = -ENOSPC;
    } else if (!rebuild(prefix, path, element, lane)) {
      result = -ENOMEM;
    } else {
      const u64 fallback = path.levels == 0 ? element : path.root >> 32;
      const u32 top = path.levels == 0 ? static_cast<u32>(path.root) : path.new_refs[0];
      if (!swap_root(path, fallback << 32 | top, lane)) continue;
      if (path.element == 0) counted = false;  // the element keeps the place it took
      result = 0;
    }
  }
  if (result != 0 && element != 0) elements_pool_.give(lane, element);
  if (counted) count_.fetch_sub(1, std::memory_order_release);
  return result;
}

int LpmTrie::erase(const void* key, u32 lane) noexcept {
  const Prefix prefix = prefix_of(key);
  if (prefix.length > prefix.data_size * 8) return -EINVAL;
  for (;;) {
    Path path;
    walk(prefix, path);
    if (path.element == 0) return -ENOENT;
    if (!rebuild(prefix, path, 0, lane)) return -ENOMEM;
    const u64 fallback = path.levels == 0 ? 0 : path.root >> 32;
    const u32 top = path.levels == 0 ? static_cast<u32>(path.root) : path.new_refs[0];
    if (!swap_root(path, fallback << 32 | top, lane)) continue;
    count_.fetch_sub(1, std::memory_order_release);
    return 0;
  }
}

int LpmTrie::copy_value(const void* key, base::Bytes value) const noexcept {
  const Prefix prefix = prefix_of(key);
  if (prefix.length > prefix.data_size * 8) return -ENOENT;
  const u32 element = maps_lpm_find(this, prefix.data, prefix.data_size, prefix.length);
  if (element == 0) return -ENOENT;
  maps_fetch_bytes(value.data(), reinterpret_cast<const u64*>(elements_pool_.at(element)), map.shape.value_size);
  return 0;
}

// ---- iteration

// First element, in Linux's order, below the `length` (0 … 6) bits `bits` of the node at `depth`; behind `after` if
// that lies there too.
u32 LpmTrie::first_in(u32 ref, u32 depth, u32 length, u32 bits, const Prefix* after) const noexcept {
  const lpm_node& at = node(ref);
  if (after != nullptr && after->length == depth + length) return 0;  // a prefix is the last of what it covers
  if (length == kStride) {
    if (at.children & bit(bits))
      if (const u32 found = first_in_node(at.refs[maps_lpm_rank_child(&at, bits)], depth + kStride, after))
        return found;
    return at.full & bit(bits) ? at.refs[maps_lpm_rank_full(&at, bits)] : 0;
  }
  // Where `after` goes on: 0 both halves are behind it or hold it, 1 only the upper one.
  const u32 side = after == nullptr ? 0 : after->bits_at(depth) >> (kStride - 1 - length) & 1;
  if (side == 0)
    if (const u32 found = first_in(ref, depth, length + 1, bits << 1, after)) return found;
  if (const u32 found = first_in(ref, depth, length + 1, bits << 1 | 1, side == 1 ? after : nullptr)) return found;
  if (length == 0) return 0;  // belongs to the parent
  const u32 inner = inner_bit(length, bits);
  return at.inner & bit(inner) ? at.refs[maps_lpm_rank_inner(&at, inner)] : 0;
}

u32 LpmTrie::first_in_node(u32 ref, u32 depth, const Prefix* after) const noexcept {
  return first_in(ref, depth, 0, 0, after);
}

int LpmTrie::next_key(const std::byte* key, std::byte* next) const noexcept {
  Prefix prefix{};
  Path path;
  const Prefix* after = nullptr;
  path.root = __atomic_load_n(&root, __ATOMIC_ACQUIRE);
  if (key != nullptr) {
    prefix = prefix_of(key);
    if (prefix.length <= prefix.data_size * 8) {
      walk(prefix, path);
      if (path.element != 0) after = &prefix;
    }
  }
  const u32 fallback = static_cast<u32>(path.root >> 32);
  u32 found = 0;
  if (after == nullptr || after->length != 0) {
    if (static_cast<u32>(path.root) != 0) found = first_in_node(static_cast<u32>(path.root), 0, after);
    if (found == 0) found = fallback;
  }
  if (found == 0) return -ENOENT;
  const auto* words = reinterpret_cast<const u64*>(elements_pool_.at(found));
  maps_fetch_bytes(next, words + maps_round_up8(map.shape.value_size) / 8, map.shape.key_size);
  return 0;
}

// ---- the map object

namespace {

const bpf_native kNatives[] = {{"maps_lpm_trie_update", reinterpret_cast<const void*>(&maps_lpm_trie_update)},
                               {"maps_lpm_trie_erase", reinterpret_cast<const void*>(&maps_lpm_trie_erase)},
                               {nullptr, nullptr}};

constexpr bpf_map_runtime kRuntime = complete({.lookup = &maps_lpm_trie_lookup,
                                               .update = &maps_lpm_trie_update,
                                               .erase = &maps_lpm_trie_erase,
                                               .natives = kNatives});

constexpr MapRules kRules = {.flags = bpf::BPF_F_NO_PREALLOC | bpf::BPF_F_NUMA_NODE | kAccessFlags,
                             .flags_required = bpf::BPF_F_NO_PREALLOC,
                             .key_size_min = 5,
                             .key_size_max = 4 + LpmTrie::kDataBytesMax,
                             .value_size_max = kKmallocMax - LpmTrie::kDataBytesMax - 24,
                             .value_too_large = EINVAL};

class LpmTrieMap final : public bpf::Map {
 public:
  static constexpr u8 kBatch = bpf::kBatchKeys;
  static constexpr bpf::MapOps::Symbols kSymbols = {
      .lookup = "map_lpm_trie_lookup", .update = "map_lpm_trie_update", .erase = "map_lpm_trie_erase"};

  explicit LpmTrieMap(const bpf::MapSpec& spec) : bpf::Map(spec) { fill_head(trie_.map, spec, &kRuntime); }
  static base::Status check(const bpf::MapSpec& spec) { return check_spec(spec, kRules); }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    auto map = std::make_unique<LpmTrieMap>(spec);
    SLUICE_CHECK(map->trie_.init(spec));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &trie_.map; }
  int lookup(ConstBytes key, Bytes value) { return trie_.copy_value(key.data(), value); }
  int update(ConstBytes key, ConstBytes value, u64 flags) {
    return trie_.update(key.data(), value.data(), flags, base::current_cpu());
  }
  int erase(ConstBytes key) { return trie_.erase(key.data(), base::current_cpu()); }
  int next_key(ConstBytes key, Bytes next) { return trie_.next_key(key.empty() ? nullptr : key.data(), next.data()); }
  u64 memory_bytes() const { return trie_.memory_bytes(); }
  u64 entry_count() const { return trie_.entry_count(); }

 private:
  LpmTrie trie_;
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::lpm_trie_map_ops = maps::map_ops<maps::LpmTrieMap>();

extern "C" {

int64_t maps_lpm_trie_update(bpf_env* env, bpf_map* map, bpf_map_shape, const void* key, const void* value,
                             uint64_t flags) {
  return static_cast<maps::LpmTrie*>(reinterpret_cast<lpm_map*>(map))->update(key, value, flags, env->cpu);
}

int64_t maps_lpm_trie_erase(bpf_env* env, bpf_map* map, bpf_map_shape, const void* key) {
  return static_cast<maps::LpmTrie*>(reinterpret_cast<lpm_map*>(map))->erase(key, env->cpu);
}

}  // extern "C"
