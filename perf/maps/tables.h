// SPDX-License-Identifier: Apache-2.0
// tables.h — the tables that the benchmark compares in this process: ours, rte_hash, absl::flat_hash_map.
//
// Shape     one interface, as a class with `Words` words per key, values of struct bench_value:
//             find(key) -> value or null; put(key, value); remove(key).
//           Ours is what the JIT inlines, with the sizes as constants. rte_hash keeps indexes of an array of values.
// Threads   one.
#pragma once

#include <absl/container/flat_hash_map.h>
#include <rte_hash.h>
#include <rte_hash_crc.h>

#include <memory>
#include <string>
#include <vector>

#include "base/percpu.h"
#include "bpf/registry/registry.h"
#include "maps/hash_inline.h"
#include "perf/maps/keys.h"

namespace maps_bench {

using base::u32;
using base::u64;

template <u32 Words>
struct Key {
  u64 word[Words];
  friend bool operator==(const Key& a, const Key& b) { return std::memcmp(&a, &b, sizeof a) == 0; }
  template <class H>
  friend H AbslHashValue(H h, const Key& key) {
    return H::combine_contiguous(std::move(h), key.word, Words);
  }
};

template <u32 Words, int Form>
class Ours {
 public:
  static constexpr bpf_map_shape kShape = {8 * Words, sizeof(bench_value), 0, 0};

  Ours(bpf::bpf_map_type type, u32 entries) {
    bpf::MapSpec spec;
    spec.type = type;
    spec.key_size = 8 * Words;
    spec.value_size = sizeof(bench_value);
    spec.max_entries = entries;
    spec.name = "bench";
    ops_ = *bpf::find_map_ops(type);
    map_ = *ops_->make(spec);
    env_.cpu = base::current_cpu();
  }
  u64* find(const Key<Words>& key) {
    if constexpr ((Form & MAPS_HASH_PERCPU) != 0)
      return static_cast<u64*>(maps_percpu_hash_value_of(map_->head(), kShape, Form, &key, env_.cpu));
    else
      return static_cast<u64*>(maps_hash_value(map_->head(), kShape, Form, &key));
  }
  void put(const Key<Words>& key, const bench_value& value) {
    if constexpr ((Form & MAPS_HASH_PERCPU) != 0)
      maps_percpu_hash_overwrite(&env_, map_->head(), kShape, Form, &key, &value, 0);
    else
      maps_hash_overwrite(&env_, map_->head(), kShape, Form, &key, &value, 0);
  }
  void remove(const Key<Words>& key) { maps_hash_erase(&env_, map_->head(), kShape, &key); }
  u64 bytes() const { return ops_->memory_bytes(*map_); }

 private:
  const bpf::MapOps* ops_;
  std::unique_ptr<bpf::Map> map_;
  bpf_env env_{};
};

template <u32 Words>
class Rte {
 public:
  explicit Rte(u32 entries) : values_(entries + 1024) {
    static int made = 0;
    const std::string name = "bench" + std::to_string(made++);
    rte_hash_parameters parameters{};
    parameters.name = name.c_str();
    parameters.entries = entries + 1024;
    parameters.key_len = 8 * Words;
    parameters.hash_func = rte_hash_crc;
    table_ = rte_hash_create(&parameters);
  }
  ~Rte() { rte_hash_free(table_); }
  Rte(const Rte&) = delete;
  Rte& operator=(const Rte&) = delete;
  bool made() const { return table_ != nullptr; }
  u64* find(const Key<Words>& key) {
    const int at = rte_hash_lookup(table_, &key);
    return at < 0 ? nullptr : reinterpret_cast<u64*>(&values_[u32(at)]);
  }
  void put(const Key<Words>& key, const bench_value& value) {
    const int at = rte_hash_add_key(table_, &key);
    if (at >= 0) values_[u32(at)] = value;
  }
  void remove(const Key<Words>& key) { rte_hash_del_key(table_, &key); }

 private:
  rte_hash* table_;
  std::vector<bench_value> values_;
};

template <u32 Words>
class Absl {
 public:
  explicit Absl(u32 entries) { table_.reserve(entries); }
  u64* find(const Key<Words>& key) {
    const auto row = table_.find(key);
    return row == table_.end() ? nullptr : reinterpret_cast<u64*>(&row->second);
  }
  void put(const Key<Words>& key, const bench_value& value) { table_.insert_or_assign(key, value); }
  void remove(const Key<Words>& key) { table_.erase(key); }

 private:
  absl::flat_hash_map<Key<Words>, bench_value> table_;
};

}  // namespace maps_bench
