// SPDX-License-Identifier: Apache-2.0
// hash_of_maps.cc — BPF_MAP_TYPE_HASH_OF_MAPS: a hash table whose values are maps of one shape.
//
// Shape     the hash table, with the inner map's address for a value; the owners lie beside it, by key.
// Threads   look-up: any CPU. Writers are control threads only; they take turns.
// Lifetime  an inner map that left is kept until every worker has been quiescent.
// Errors    those of a hash map; EINVAL a map of another shape.
// Cost      the hash look-up and one load; one on the inner map found goes through its own table.
// Source    bpf(2), the running kernel.
#include <mutex>
#include <string>
#include <unordered_map>

#include "maps/hash.h"
#include "maps/head.h"
#include "maps/inner.h"
#include "maps/map_of_maps_inline.h"
#include "maps/owned_slots.h"

namespace maps {
namespace {

constexpr bpf_map_runtime kRuntime =
    complete({.lookup = &maps_hash_of_maps_lookup, .count = &maps_hash_count, .natives = kHashNatives});

// The number of entries is judged behind the inner map.
constexpr MapRules kRules = [] {
  MapRules rules = kHashRules;
  rules.entries_max = MapRules{}.entries_max;
  return rules;
}();

class HashOfMaps final : public bpf::Map {
 public:
  static constexpr bpf::MapHolds kHolds = bpf::MapHolds::map;
  static constexpr u8 kBatch = bpf::kBatchTable;
  static constexpr bpf::InnerRule kInner = bpf::InnerRule::nested;
  static constexpr bpf::MapOps::Symbols kSymbols = {.lookup = "map_hash_of_maps_lookup"};

  explicit HashOfMaps(const bpf::MapSpec& spec) : bpf::Map(spec) {
    fill_head(table_.map, spec, &kRuntime);
    // An address in the table where bpf(2) sees four bytes; both take one word of the node.
    table_.map.shape.value_size = sizeof(bpf_map*);
  }
  ~HashOfMaps() override {
    if (!owners_.empty()) release_later(std::move(owners_));
  }

  static base::Status check(const bpf::MapSpec& spec) {
    if (spec.value_size != sizeof(u32))
      return base::Error(EINVAL, "map '" + spec.name + "': value_size is " + std::to_string(spec.value_size) +
                                     ", a map of maps takes 4");
    return check_spec(spec, kRules);
  }
  static base::Result<std::unique_ptr<bpf::Map>> make(const bpf::MapSpec& spec) {
    SLUICE_CHECK(check_template(spec));
    SLUICE_CHECK(check_spec(spec, kHashRules));
    auto map = std::make_unique<HashOfMaps>(spec);
    SLUICE_CHECK(map->table_.init(spec, 0));
    return std::unique_ptr<bpf::Map>(std::move(map));
  }

  bpf_map* head() noexcept override { return &table_.map; }

  int lookup(ConstBytes key, Bytes value) {
    const bpf_map* inner = nullptr;
    if (int error = table_.copy_value(key.data(), std::as_writable_bytes(std::span(&inner, 1)))) return error;
    return copy_id(inner, value);
  }

  int update_object(ConstBytes key, bpf::MapObject object, u64 flags) {
    if (object.map == nullptr || !alike(*spec().inner, object.map->spec())) return -EINVAL;
    const bpf_map* inner = object.map->head();
    OwnedSlots::Owner old;
    {
      std::lock_guard lock(mutex_);
      if (int error = table_.update(key.data(), &inner, flags, base::current_cpu())) return error;
      old = std::exchange(owners_[name_of(key)], std::move(object.keep));
    }
    if (old != nullptr) release_later(std::move(old));
    return 0;
  }

  int erase(ConstBytes key) {
    OwnedSlots::Owner old;
    {
      std::lock_guard lock(mutex_);
      if (int error = table_.erase(key.data(), base::current_cpu())) return error;
      if (auto row = owners_.extract(name_of(key))) old = std::move(row.mapped());
    }
    if (old != nullptr) release_later(std::move(old));
    return 0;
  }

  int next_key(ConstBytes key, Bytes next) { return table_.next_key(key.empty() ? nullptr : key.data(), next.data()); }
  int scan(u64& cursor, bool take, Bytes key, Bytes value, u64 flags) {
    const bpf_map* inner = nullptr;
    OwnedSlots::Owner old;
    {
      std::lock_guard lock(mutex_);
      const Bytes found = std::as_writable_bytes(std::span(&inner, 1));
      if (int error = table_.scan(cursor, take, base::current_cpu(), key.data(), found, flags)) return error;
      if (take)
        if (auto row = owners_.extract(name_of(key))) old = std::move(row.mapped());
    }
    if (old != nullptr) release_later(std::move(old));
    return copy_id(inner, value);
  }
  u64 memory_bytes() const { return table_.memory_bytes(); }
  u64 entry_count() const { return table_.entry_count(); }

 private:
  static std::string name_of(ConstBytes key) { return {reinterpret_cast<const char*>(key.data()), key.size()}; }

  HashTable table_;
  std::mutex mutex_;  // control threads only
  std::unordered_map<std::string, OwnedSlots::Owner> owners_;
};

}  // namespace
}  // namespace maps

constinit const bpf::MapOps bpf::hash_of_maps_map_ops = maps::map_ops<maps::HashOfMaps>();
