// SPDX-License-Identifier: Apache-2.0
// map_table.h — the maps a program names, the templates of inner maps behind them, and the special fields of their
// values.
//
// Shape     index -> Entry. The first ones are ProgSource::maps in their order; inner templates follow.
// Threads   immutable after make(). Lifetime: refers to the ProgSource.
// Errors    as MAP_CREATE: a value whose BTF cannot be read. One whose special fields are in disorder has none.
#pragma once

#include <optional>
#include <vector>

#include "bpf/btf/fields.h"
#include "bpf/program.h"
#include "bpf/verifier/kptr_types.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {

class MapTable {
 public:
  struct Entry {
    const MapFacts* facts;
    std::optional<btf::Btf> types;  // of key and value
    btf::Fields fields;             // of a value
    bool of_program = false;        // `types` are the program's
    u32 inner = kNone;              // index of its template, for maps of maps
  };
  static constexpr u32 kNone = ~u32{0};

  // `kernel` is asked when a value points to structs.
  std::optional<Problem> make(const ProgSource& source, const KernelTypes& kernel);

  const MapFacts& facts(u32 index) const { return *entries_[index].facts; }
  const Entry& operator[](u32 index) const { return entries_[index]; }
  u32 size() const { return static_cast<u32>(entries_.size()); }

 private:
  std::optional<Problem> add(const MapFacts& facts, const ProgSource& source, const KernelTypes& kernel);

  std::vector<Entry> entries_;
};

// What map and program type rule out together, whatever the program does with the map.
std::optional<Problem> check_maps_of_program(const ProgSource& source, const MapTable& maps);

// May `helper` be given a map of this type?
bool map_serves_helper(bpf_map_type type, u32 helper, bpf_prog_type prog);
// Programs of that type may put sockets into maps, or (SOCK_OPS) only take them out.
bool may_update_sockmap(u32 helper, bpf_prog_type prog);

}  // namespace bpf::verifier
