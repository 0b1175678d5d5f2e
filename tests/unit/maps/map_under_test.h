// SPDX-License-Identifier: Apache-2.0
// map_under_test.h — a map made through the registry, with typed keys and values, for tests.
//
// Shape     TestMap<Key, Value>: the bpf(2) side (lookup, update, erase, next) and the program's side (find, put,
//           remove).
// Threads   as the map; each thread brings its own bpf_env.
#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "bpf/abi/flags.h"
#include "bpf/registry/registry.h"

namespace maps_test {

using base::u32;
using base::u64;
using base::u8;

template <class T>
base::ConstBytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

inline base::Result<std::unique_ptr<bpf::Map>> make_map(const bpf::MapSpec& spec) {
  SLUICE_TRY(const bpf::MapOps* ops, bpf::find_map_ops(spec.type));
  SLUICE_CHECK(ops->check(spec));
  return ops->make(spec);
}

inline bpf::MapSpec spec_of(bpf::bpf_map_type type, u32 key_size, u32 value_size, u32 max_entries, u32 flags = 0) {
  bpf::MapSpec spec;
  spec.type = type;
  spec.key_size = key_size;
  spec.value_size = value_size;
  spec.max_entries = max_entries;
  spec.map_flags = flags;
  spec.name = "under_test";
  return spec;
}

template <class Key, class Value>
class TestMap {
 public:
  TestMap(bpf::bpf_map_type type, u32 max_entries, u32 flags = 0,
          std::shared_ptr<const bpf_value_fields> fields = nullptr) {
    bpf::MapSpec spec = spec_of(type, sizeof(Key), sizeof(Value), max_entries, flags);
    spec.fields = std::move(fields);
    auto made = make_map(spec);
    EXPECT_TRUE(made.ok()) << (made.ok() ? "" : made.error().what());
    if (made) map_ = *std::move(made);
    ops_ = *bpf::find_map_ops(type);
  }

  std::optional<Value> lookup(const Key& key, u64 flags = 0) {
    Value value;
    const int result = ops_->lookup(*map_, bytes_of(key), std::as_writable_bytes(std::span(&value, 1)), flags);
    if (result != 0) return std::nullopt;
    return value;
  }
  int update(const Key& key, const Value& value, u64 flags = 0) {
    return ops_->update(*map_, bytes_of(key), bytes_of(value), flags);
  }
  int erase(const Key& key) { return ops_->erase(*map_, bytes_of(key)); }
  std::optional<Value> take(const Key& key, u64 flags = 0) {
    Value value;
    if (ops_->lookup_and_delete(*map_, bytes_of(key), std::as_writable_bytes(std::span(&value, 1)), flags) != 0)
      return std::nullopt;
    return value;
  }
  int next(const Key* key, Key& next) {
    return ops_->next_key(*map_, key == nullptr ? base::ConstBytes{} : bytes_of(*key),
                          std::as_writable_bytes(std::span(&next, 1)));
  }
  // All keys by iteration, in its order. Stops after `limit`.
  std::vector<Key> keys(std::size_t limit = 1 << 24) {
    std::vector<Key> out;
    Key key;
    for (int r = next(nullptr, key); r == 0 && out.size() < limit; r = next(&out.back(), key)) out.push_back(key);
    return out;
  }
  u64 count() const { return ops_->entry_count(*map_); }

  bpf_map* head() { return map_->head(); }
  Value* find(bpf_env& env, const Key& key) {
    return static_cast<Value*>(head()->runtime->lookup(&env, head(), head()->shape, &key));
  }
  base::s64 put(bpf_env& env, const Key& key, const Value& value, u64 flags = 0) {
    return head()->runtime->update(&env, head(), head()->shape, &key, &value, flags);
  }
  base::s64 remove(bpf_env& env, const Key& key) { return head()->runtime->erase(&env, head(), head()->shape, &key); }

  bpf::Map& map() { return *map_; }
  const bpf::MapOps& ops() { return *ops_; }

 private:
  std::unique_ptr<bpf::Map> map_;
  const bpf::MapOps* ops_ = nullptr;
};

}  // namespace maps_test
