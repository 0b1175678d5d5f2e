// SPDX-License-Identifier: Apache-2.0
// check.h — MAP_CREATE: which numbers a map type takes. One row per type, one judge for all.
//
// Shape     a MapRules says what a type allows; check_spec() answers the first rule that is broken, in Linux's order.
// Errors    EINVAL what the type never takes; E2BIG what is too large; ENOTSUPP as Linux; the sentence names the
//           number.
// Source    bpf(2), the running kernel's answers (tests/oracle/map_oracle.cc asks it again).
#pragma once

#include "base/result.h"
#include "bpf/abi/flags.h"
#include "bpf/registry/map_ops.h"

namespace maps {

// Largest object of the kernel's allocator, which bounds key and value of its hash and trie elements.
inline constexpr base::u64 kKmallocMax = base::u64{4} << 20;
// Largest value that fits the kernel's per-CPU allocator.
inline constexpr base::u64 kPercpuValueMax = base::u64{32} << 10;
inline constexpr base::u32 kAccessFlags =
    bpf::BPF_F_RDONLY | bpf::BPF_F_WRONLY | bpf::BPF_F_RDONLY_PROG | bpf::BPF_F_WRONLY_PROG;

struct MapRules {
  base::u32 flags;  // that may be set
  base::u32 flags_required = 0;
  base::u32 flags_not_supported = 0;  // of `flags`: ENOTSUPP
  base::u32 key_size_min = 1;
  base::u64 key_size_max = ~base::u32{0};
  base::u32 value_size_min = 1;
  base::u64 value_size_max = ~base::u32{0};
  int value_too_large = E2BIG;                 // errno past value_size_max
  base::u64 element_size_end = ~base::u64{0};  // key_size + value_size stay below, else E2BIG
  base::u64 entries_max = ~base::u32{0};       // past it E2BIG
  bool entries_unbound = false;                // max_entries must be 0
  base::u64 extra_max = 0;                     // of map_extra
  bool numa = true;                            // false: BPF_F_NUMA_NODE is EINVAL when it names a node
};

base::Status check_spec(const bpf::MapSpec& spec, const MapRules& rules);

}  // namespace maps
