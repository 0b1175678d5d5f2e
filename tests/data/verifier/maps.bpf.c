// SPDX-License-Identifier: Apache-2.0
// Maps that cases name: map[ring], map[locked] …, beside the numbered ones of verifier_cases.cc.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define NUMBERS_ONLY(name, map_type, keys, values, entries) \
  struct {                                                  \
    __uint(type, map_type);                                 \
    __uint(key_size, keys);                                 \
    __uint(value_size, values);                             \
    __uint(max_entries, entries);                           \
  } name SEC(".maps")
#define TYPED(name, map_type, value_type, entries) \
  struct {                                         \
    __uint(type, map_type);                        \
    __uint(max_entries, entries);                  \
    __type(key, __u32);                            \
    __type(value, value_type);                     \
  } name SEC(".maps")
#define LOCAL_STORAGE(name, map_type, value_type) \
  struct {                                        \
    __uint(type, map_type);                       \
    __uint(map_flags, BPF_F_NO_PREALLOC);         \
    __type(key, int);                             \
    __type(value, value_type);                    \
  } name SEC(".maps")

struct locked {
  __u64 first;
  struct bpf_spin_lock lock;
  __u32 behind;
};
struct timed {
  __u64 first;
  struct bpf_timer timer;
};

NUMBERS_ONLY(ring, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
NUMBERS_ONLY(user_ring, BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096);
NUMBERS_ONLY(xsk, BPF_MAP_TYPE_XSKMAP, 4, 4, 4);
NUMBERS_ONLY(cpus, BPF_MAP_TYPE_CPUMAP, 4, 4, 4);
NUMBERS_ONLY(devices, BPF_MAP_TYPE_DEVMAP_HASH, 4, 4, 4);
NUMBERS_ONLY(sockets, BPF_MAP_TYPE_SOCKMAP, 4, 4, 4);
NUMBERS_ONLY(socket_hash, BPF_MAP_TYPE_SOCKHASH, 4, 4, 4);
NUMBERS_ONLY(reuse, BPF_MAP_TYPE_REUSEPORT_SOCKARRAY, 4, 8, 4);
NUMBERS_ONLY(queue, BPF_MAP_TYPE_QUEUE, 0, 8, 4);
NUMBERS_ONLY(stack, BPF_MAP_TYPE_STACK, 0, 8, 4);
NUMBERS_ONLY(bloom, BPF_MAP_TYPE_BLOOM_FILTER, 0, 8, 4);
NUMBERS_ONLY(events, BPF_MAP_TYPE_PERF_EVENT_ARRAY, 4, 4, 4);
NUMBERS_ONLY(traces, BPF_MAP_TYPE_STACK_TRACE, 4, 80, 4);
NUMBERS_ONLY(cgroups, BPF_MAP_TYPE_CGROUP_ARRAY, 4, 4, 4);
NUMBERS_ONLY(lru, BPF_MAP_TYPE_LRU_HASH, 4, 8, 4);
NUMBERS_ONLY(percpu, BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 4);
NUMBERS_ONLY(old_storage, BPF_MAP_TYPE_CGROUP_STORAGE, 8, 8, 0);
struct {
  __uint(type, BPF_MAP_TYPE_LPM_TRIE);
  __uint(map_flags, BPF_F_NO_PREALLOC);
  __uint(key_size, 8);
  __uint(value_size, 8);
  __uint(max_entries, 4);
} prefixes SEC(".maps");
TYPED(locked, BPF_MAP_TYPE_HASH, struct locked, 4);
TYPED(locked_other, BPF_MAP_TYPE_HASH, struct locked, 4);
TYPED(locked_one, BPF_MAP_TYPE_ARRAY, struct locked, 1);
TYPED(timed, BPF_MAP_TYPE_ARRAY, struct timed, 4);
TYPED(timed_other, BPF_MAP_TYPE_ARRAY, struct timed, 4);
TYPED(plain, BPF_MAP_TYPE_ARRAY, __u64, 1);
LOCAL_STORAGE(of_sockets, BPF_MAP_TYPE_SK_STORAGE, __u64);
LOCAL_STORAGE(of_tasks, BPF_MAP_TYPE_TASK_STORAGE, __u64);
#define MAP_TYPE_CGRP_STORAGE 32  // newer than the headers of Debian 12
LOCAL_STORAGE(of_cgroups, MAP_TYPE_CGRP_STORAGE, __u64);

struct inner_array {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, __u64);
};
struct inner_timed {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, __u32);
  __type(value, struct timed);
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
  __uint(max_entries, 4);
  __type(key, __u32);
  __array(values, struct inner_array);
} outer SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
  __uint(max_entries, 4);
  __type(key, __u32);
  __array(values, struct inner_timed);
} outer_timed SEC(".maps");
