// SPDX-License-Identifier: Apache-2.0
// map_types.h — the map types that map_oracle.cc drives, with the numbers it draws from for each.
#pragma once

#include "base/types.h"
#include "bpf/abi/flags.h"
#include "bpf/abi/types.h"

namespace map_oracle {

using namespace bpf;  // all constants of the ABI
using base::u32;

// What is particular to a type; the rest is the same for all.
struct Type {
  bpf::bpf_map_type type;
  u32 key_sizes[6];
  u32 value_sizes[6];
  u32 flags[5];
  bool ordered;  // Linux promises the order of iteration
};

inline constexpr u32 kOdd = 1U << 20;
inline constexpr Type kTypes[] = {
    {BPF_MAP_TYPE_ARRAY,
     {4, 4, 4, 4, 0, 8},
     {1, 8, 13, 64, 0, 4096},
     {0, 0, BPF_F_MMAPABLE, BPF_F_INNER_MAP, kOdd},
     true},
    {BPF_MAP_TYPE_PERCPU_ARRAY,
     {4, 4, 4, 4, 0, 8},
     {1, 8, 13, 64, 0, 32769},
     {0, 0, 0, BPF_F_MMAPABLE, BPF_F_NUMA_NODE},
     true},
    {BPF_MAP_TYPE_HASH,
     {1, 4, 8, 13, 16, 0},
     {1, 8, 13, 64, 300, 0},
     {0, 0, BPF_F_NO_PREALLOC, BPF_F_ZERO_SEED, BPF_F_NO_COMMON_LRU},
     false},
    {BPF_MAP_TYPE_PERCPU_HASH,
     {1, 4, 8, 13, 16, 0},
     {1, 8, 13, 64, 32769, 0},
     {0, 0, BPF_F_NO_PREALLOC, BPF_F_ZERO_SEED, BPF_F_NUMA_NODE},
     false},
    {BPF_MAP_TYPE_LRU_HASH,
     {1, 4, 8, 13, 16, 0},
     {1, 8, 13, 64, 300, 0},
     {0, BPF_F_NO_COMMON_LRU, 0, BPF_F_ZERO_SEED, BPF_F_NO_PREALLOC},
     false},
    {BPF_MAP_TYPE_LRU_PERCPU_HASH,
     {1, 4, 8, 13, 16, 0},
     {1, 8, 13, 64, 32769, 0},
     {0, BPF_F_NO_COMMON_LRU, 0, BPF_F_NO_PREALLOC, BPF_F_NUMA_NODE},
     false},
    {BPF_MAP_TYPE_LPM_TRIE,
     {5, 6, 8, 20, 4, 261},
     {1, 8, 13, 64, 4, 0},
     {BPF_F_NO_PREALLOC, BPF_F_NO_PREALLOC, BPF_F_NO_PREALLOC, 0, BPF_F_NO_PREALLOC | BPF_F_ZERO_SEED},
     true},
    {BPF_MAP_TYPE_PROG_ARRAY,
     {4, 4, 4, 4, 0, 8},
     {4, 4, 4, 4, 8, 0},
     {0, 0, 0, BPF_F_NO_PREALLOC, BPF_F_RDONLY_PROG},
     true},
    {BPF_MAP_TYPE_ARRAY_OF_MAPS,
     {4, 4, 4, 4, 0, 8},
     {4, 4, 4, 4, 8, 0},
     {0, 0, 0, BPF_F_NO_PREALLOC, BPF_F_RDONLY_PROG},
     true},
    {BPF_MAP_TYPE_HASH_OF_MAPS,
     {1, 4, 8, 13, 16, 0},
     {4, 4, 4, 4, 8, 1},
     {0, 0, BPF_F_NO_PREALLOC, BPF_F_RDONLY_PROG, BPF_F_INNER_MAP},
     false},
    {BPF_MAP_TYPE_DEVMAP,
     {4, 4, 4, 4, 0, 8},
     {4, 4, 8, 8, 6, 12},
     {0, 0, 0, BPF_F_NO_PREALLOC, BPF_F_RDONLY_PROG},
     true},
    {BPF_MAP_TYPE_QUEUE, {0, 0, 0, 0, 4, 0}, {1, 8, 13, 64, 300, 0}, {0, 0, BPF_F_ZERO_SEED, BPF_F_NO_PREALLOC}, true},
    {BPF_MAP_TYPE_STACK,
     {0, 0, 0, 0, 4, 0},
     {1, 8, 13, 64, 300, 0},
     {0, 0, BPF_F_RDONLY_PROG, BPF_F_NO_PREALLOC},
     true},
    {BPF_MAP_TYPE_BLOOM_FILTER, {0, 0, 0, 0, 4, 0}, {1, 8, 13, 64, 300, 0}, {0, 0, BPF_F_ZERO_SEED, kOdd}, true},
    {BPF_MAP_TYPE_RINGBUF, {0, 0, 0, 0, 4, 0}, {0, 0, 0, 0, 4, 0}, {0, 0, BPF_F_NUMA_NODE, BPF_F_RDONLY_PROG}, true},
    {BPF_MAP_TYPE_USER_RINGBUF, {0, 0, 0, 0, 4, 0}, {0, 0, 0, 0, 4, 0}, {0, 0, BPF_F_NUMA_NODE, kOdd}, true},
    {BPF_MAP_TYPE_DEVMAP_HASH, {4, 4, 4, 4, 0, 8}, {4, 4, 8, 8, 6, 12}, {0, 0, 0, BPF_F_NO_PREALLOC, kOdd}, false},
    {BPF_MAP_TYPE_CPUMAP, {4, 4, 4, 4, 0, 8}, {4, 4, 8, 8, 6, 12}, {0, 0, BPF_F_NUMA_NODE, BPF_F_RDONLY, kOdd}, true},
    {BPF_MAP_TYPE_XSKMAP, {4, 4, 4, 4, 0, 8}, {4, 4, 4, 4, 8, 0}, {0, 0, 0, BPF_F_RDONLY_PROG, kOdd}, true},
    {BPF_MAP_TYPE_SOCKMAP, {4, 4, 4, 4, 0, 8}, {4, 8, 8, 8, 6, 12}, {0, 0, 0, BPF_F_RDONLY_PROG, kOdd}, true},
    {BPF_MAP_TYPE_SOCKHASH, {4, 1, 8, 13, 512, 513}, {4, 8, 8, 8, 6, 12}, {0, 0, 0, BPF_F_RDONLY_PROG, kOdd}, false},
    {BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, {4, 4, 4, 4, 0, 8}, {4, 8, 8, 8, 6, 12}, {0, 0, BPF_F_RDONLY_PROG, kOdd}, true},
    {BPF_MAP_TYPE_PERF_EVENT_ARRAY, {4, 4, 4, 4, 0, 8}, {4, 4, 4, 4, 8, 0}, {0, BPF_F_PRESERVE_ELEMS, 0, kOdd}, true},
    {BPF_MAP_TYPE_CGROUP_ARRAY, {4, 4, 4, 4, 0, 8}, {4, 4, 4, 4, 8, 0}, {0, 0, 0, BPF_F_RDONLY_PROG, kOdd}, true},
    {BPF_MAP_TYPE_STACK_TRACE,
     {4, 4, 4, 4, 0, 8},
     {8, 16, 1016, 64, 12, 1024},
     {0, BPF_F_STACK_BUILD_ID, 0, kOdd},
     true},
    {BPF_MAP_TYPE_CGROUP_STORAGE,
     {8, 16, 8, 16, 4, 12},
     {1, 8, 64, 65407, 65408, 0},
     {0, 0, 0, BPF_F_RDONLY_PROG},
     true},
    {BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE,
     {8, 16, 8, 16, 4, 12},
     {1, 8, 64, 13, 32769, 0},
     {0, 0, BPF_F_NUMA_NODE},
     true},
    {BPF_MAP_TYPE_SK_STORAGE, {4, 4, 4, 4, 0, 8}, {1, 8, 64, 65407, 65408, 0}, {1, 1, 1 | BPF_F_CLONE, 0}, true},
    {BPF_MAP_TYPE_INODE_STORAGE, {4, 4, 4, 4, 0, 8}, {1, 8, 64, 65407, 65408, 0}, {1, 1, 1 | BPF_F_CLONE, 0}, true},
    {BPF_MAP_TYPE_TASK_STORAGE, {4, 4, 4, 4, 0, 8}, {1, 8, 64, 65407, 65408, 0}, {1, 1, 1 | BPF_F_CLONE, 0}, true},
    {BPF_MAP_TYPE_CGRP_STORAGE, {4, 4, 4, 4, 0, 8}, {1, 8, 64, 65407, 65408, 0}, {1, 1, 1 | BPF_F_CLONE, 0}, true},
};

// Maps that hang on other objects have no elements of their own, and no number of them.
inline bool is_local_storage(bpf_map_type type) {
  return type == BPF_MAP_TYPE_SK_STORAGE || type == BPF_MAP_TYPE_INODE_STORAGE || type == BPF_MAP_TYPE_TASK_STORAGE ||
         type == BPF_MAP_TYPE_CGRP_STORAGE;
}
inline bool is_cgroup_storage(bpf_map_type type) {
  return type == BPF_MAP_TYPE_CGROUP_STORAGE || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

}  // namespace map_oracle
