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

#undef __kptr
#define __kptr __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted __attribute__((btf_type_tag("kptr_untrusted")))
#define __percpu_kptr __attribute__((btf_type_tag("percpu_kptr")))
#define __contains(element, node) __attribute__((btf_decl_tag("contains:" #element ":" #node)))
#define OBJECT(name, words) \
  struct name {             \
    __u64 w[words];         \
  } __attribute__((aligned(8)))
OBJECT(bpf_list_head, 2);
OBJECT(bpf_list_node, 3);
OBJECT(bpf_rb_root, 2);
OBJECT(bpf_rb_node, 4);
struct bpf_refcount {
  __u32 w[1];
};
struct bpf_res_spin_lock {
  __u32 val;
};

// Names of the kernel's structs; what is in them does not matter.
struct task_struct {
  int here;
};
struct cgroup {
  int here;
};
struct socket {
  int here;
};
struct mine {
  __u64 first;
  __u64 second;
};
struct outer_mine {
  struct mine inner;
  __u64 third;
};
struct pointers {
  struct task_struct __kptr_untrusted* loose;
  struct task_struct __kptr* task;
  struct mine __kptr* mine;
  struct mine __percpu_kptr* each;
  struct socket __kptr_untrusted* loose_socket;
  __u64 number;
};
// Elements of lists and trees: value at 0, the node at 8.
struct elem {
  __u64 value;
  struct bpf_list_node node;
};
struct tree_elem {
  __u64 value;
  struct bpf_rb_node node;
};
struct both {
  __u64 value;
  struct bpf_list_node list;
  struct bpf_rb_node tree;
  struct bpf_refcount count;
};
struct lists {
  struct bpf_spin_lock lock;
  struct bpf_list_head head __contains(elem, node);
  struct bpf_list_head other __contains(both, list);
};
struct trees {
  struct bpf_spin_lock lock;
  struct bpf_rb_root root __contains(tree_elem, node);
  struct bpf_rb_root other __contains(both, tree);
};
struct holder {
  struct bpf_spin_lock lock;
  struct bpf_list_head head __contains(elem, node);
  struct mine __kptr* mine;
};
struct res_locked {
  struct bpf_res_spin_lock lock;
  struct bpf_list_head head __contains(elem, node);
};

struct locked {
  __u64 first;
  struct bpf_spin_lock lock;
  __u32 behind;
};
struct timed {
  __u64 first;
  struct bpf_timer timer;
};

// Newer than the headers of Debian 12; the verifier knows them by name and size.
struct bpf_wq {
  __u64 __opaque[2];
} __attribute__((aligned(8)));
struct bpf_task_work {
  __u64 __opaque;
} __attribute__((aligned(8)));
struct queued {
  __u64 first;
  struct bpf_wq work;
};
struct tasked {
  __u64 first;
  struct bpf_task_work work;
};

NUMBERS_ONLY(ring, BPF_MAP_TYPE_RINGBUF, 0, 0, 4096);
NUMBERS_ONLY(user_ring, BPF_MAP_TYPE_USER_RINGBUF, 0, 0, 4096);
NUMBERS_ONLY(other_progs, BPF_MAP_TYPE_PROG_ARRAY, 4, 4, 4);
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
TYPED(pointers, BPF_MAP_TYPE_ARRAY, struct pointers, 1);
TYPED(pointers_hash, BPF_MAP_TYPE_HASH, struct pointers, 4);
TYPED(lists, BPF_MAP_TYPE_ARRAY, struct lists, 1);
TYPED(lists_hash, BPF_MAP_TYPE_HASH, struct lists, 4);
TYPED(trees, BPF_MAP_TYPE_ARRAY, struct trees, 1);
TYPED(res_locked, BPF_MAP_TYPE_ARRAY, struct res_locked, 1);
TYPED(res_hash, BPF_MAP_TYPE_HASH, struct res_locked, 4);
TYPED(queued, BPF_MAP_TYPE_ARRAY, struct queued, 4);
TYPED(queued_other, BPF_MAP_TYPE_ARRAY, struct queued, 4);
TYPED(tasked, BPF_MAP_TYPE_ARRAY, struct tasked, 4);
TYPED(tasked_other, BPF_MAP_TYPE_ARRAY, struct tasked, 4);
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

// Functions that cases with `types: maps` may have, and the types they allocate.
static __attribute__((noinline)) _Bool less(struct bpf_rb_node* a, const struct bpf_rb_node* b) {
  __asm__ volatile("" ::"r"(a), "r"(b));
  return a == b;
}
union allocated {
  struct task_struct task;
  struct cgroup cgroup;
  struct socket socket;
  struct outer_mine outer_mine;
  struct elem elem;
  struct tree_elem tree_elem;
  struct both both;
  struct holder holder;
};
SEC("xdp")
int entry(union allocated* types) {
  return less((void*)types, (void*)types);
}
