// SPDX-License-Identifier: Apache-2.0
// our_maps.h — live maps of ours for a program's MapFacts, filled and read the way bpf(2) would.
//
// Threads   one. Lifetime: the maps live as long as the set; heads() stays valid.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "bpf/program.h"
#include "bpf/registry/map_ops.h"

namespace support {

class OurMaps {
 public:
  // Makes every map; a frozen one is filled with its contents.
  static base::Result<OurMaps> make(std::span<const bpf::MapFacts> facts);

  std::span<bpf_map* const> heads() const noexcept { return heads_; }
  bpf::Map& map(base::u32 index) { return *maps_[index].map; }
  // Where values are objects, `value` is the u32 that bpf(2) would resolve: an ifindex. Programs go through
  // set_program().
  base::Status update(base::u32 index, base::ConstBytes key, base::ConstBytes value);
  base::Status set_program(base::u32 index, base::u32 slot, const bpf_prog* prog);
  // Bytes that bpf(2) moves per value.
  std::size_t value_bytes(base::u32 index) const;
  // 0 or a negative errno.
  int lookup(base::u32 index, base::ConstBytes key, base::Bytes value);
  int next_key(base::u32 index, base::ConstBytes key, base::Bytes next);

 private:
  struct Entry {
    const bpf::MapOps* ops;
    std::unique_ptr<bpf::Map> map;
  };
  std::vector<Entry> maps_;
  std::vector<bpf_map*> heads_;
};

// Is a value of this type one slot per possible CPU?
bool map_is_percpu(bpf::bpf_map_type type);

}  // namespace support
