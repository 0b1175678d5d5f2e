// SPDX-License-Identifier: Apache-2.0
// kernel.bpf.h — what the programs of this folder know of the kernel: the members they name, found by CO-RE, and the
// functions they call.
#pragma once

// clang-format off: each of these needs the one before
#include <linux/types.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
// clang-format on

typedef __u8 u8;
typedef __u32 u32;
typedef __s32 s32;
typedef __s64 s64;
typedef __u64 u64;

#ifndef __naked
#define __naked __attribute__((naked))
#endif
#ifndef __arg_ctx
#define __arg_ctx __attribute__((btf_decl_tag("arg:ctx")))
#endif
#define __arg_arena __attribute__((btf_decl_tag("arg:arena")))
#define __exception_cb(name) __attribute__((btf_decl_tag("exception_callback:" #name)))
#define __contains(type, member) __attribute__((btf_decl_tag("contains:" #type ":" #member)))
#define __kptr_of __attribute__((btf_type_tag("kptr")))
#define __kptr_untrusted_of __attribute__((btf_type_tag("kptr_untrusted")))
#define __arena __attribute__((address_space(1)))
#define __noinl __attribute__((noinline))
#define __number(name, val) enum { number_##name = val } name
#define own_section(name) SEC(".data." #name) __hidden __attribute__((aligned(8)))

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct cpumask {
};
struct kernfs_node {
  u64 id;
};
struct cgroup_subsys_state {
  struct cgroup* cgroup;
};
struct cgroup {
  struct cgroup_subsys_state self;
  int level;
  struct kernfs_node* kn;
};
struct css_set {
  struct cgroup* dfl_cgrp;
};
struct task_struct {
  int pid, tgid;
  struct task_struct* real_parent;
  const struct cpumask* cpus_ptr;
  struct css_set* cgroups;
};
struct vm_area_struct {
  unsigned long vm_start, vm_end;
};
struct kmem_cache {
  unsigned int size;
};
struct rq {
  unsigned int nr_running;
};
struct bpf_map {
  u32 id;
};
struct bpf_iter__bpf_map {
  struct bpf_map* map;
};
struct sock {
};
struct tcp_sock {
  u32 snd_cwnd, copied_seq;
};
struct rate_sample {
};
struct ethhdr {
  __u16 h_proto;
};
struct sk_buff {
  u32 len, data_len;
  unsigned char* head;
};
enum pid_type { PIDTYPE_PID, PIDTYPE_TGID };
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct bpf_cpumask {
  u64 bits[129];
};
#pragma clang attribute pop

// Structs of the kernel that stand in maps and on the stack have its size.
#define OPAQUE(name, words) \
  struct name {             \
    u64 opaque[words];      \
  } __attribute__((aligned(8)))
enum { BPF_TASK_ITER_ALL_PROCS, BPF_TASK_ITER_ALL_THREADS, BPF_TASK_ITER_PROC_THREADS };
struct tcp_congestion_ops {
  u32 (*ssthresh)(struct sock* sk);
  void (*cong_avoid)(struct sock* sk, u32 ack, u32 acked);
  u32 (*undo_cwnd)(struct sock* sk);
  void (*cong_control)(struct sock* sk, u32 ack, int flag, const struct rate_sample* rs);
  char name[16];
  void (*init)(struct sock* sk);
  void (*release)(struct sock* sk);
};
OPAQUE(bpf_list_head, 2);
OPAQUE(bpf_list_node, 3);
OPAQUE(bpf_rb_root, 2);
OPAQUE(bpf_rb_node, 4);
OPAQUE(bpf_wq, 2);
OPAQUE(bpf_iter_num, 1);
OPAQUE(bpf_iter_task, 3);
OPAQUE(bpf_iter_bits, 2);
OPAQUE(bpf_iter_task_vma, 1);
OPAQUE(bpf_iter_css, 3);
OPAQUE(bpf_iter_kmem_cache, 1);
struct bpf_refcount {
  u32 opaque[1];
} __attribute__((aligned(4)));
struct bpf_res_spin_lock {
  u32 val;
};

extern void* bpf_cast_to_kern_ctx(void* obj) __ksym __weak;
extern struct cgroup* bpf_cgroup_acquire(struct cgroup* cgrp) __ksym __weak;
extern struct cgroup* bpf_cgroup_ancestor(struct cgroup* cgrp, int level) __ksym __weak;
extern struct cgroup* bpf_cgroup_from_id(u64 cgid) __ksym __weak;
extern void bpf_cgroup_release(struct cgroup* cgrp) __ksym __weak;
extern bool bpf_cpumask_and(struct bpf_cpumask* dst, const struct cpumask* src1,
                            const struct cpumask* src2) __ksym __weak;
extern struct bpf_cpumask* bpf_cpumask_create(void) __ksym __weak;
extern u32 bpf_cpumask_first(const struct cpumask* cpumask) __ksym __weak;
extern void bpf_cpumask_release(struct bpf_cpumask* cpumask) __ksym __weak;
extern void bpf_cpumask_set_cpu(u32 cpu, struct bpf_cpumask* cpumask) __ksym __weak;
extern bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask* cpumask) __ksym __weak;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits* it) __ksym __weak;
extern int bpf_iter_bits_new(struct bpf_iter_bits* it, const u64* unsafe_ptr__ign, u32 nr_words) __ksym __weak;
extern int* bpf_iter_bits_next(struct bpf_iter_bits* it) __ksym __weak;
extern void bpf_iter_css_destroy(struct bpf_iter_css* it) __ksym __weak;
extern int bpf_iter_css_new(struct bpf_iter_css* it, struct cgroup_subsys_state* start,
                            unsigned int flags) __ksym __weak;
extern struct cgroup_subsys_state* bpf_iter_css_next(struct bpf_iter_css* it) __ksym __weak;
extern void bpf_iter_kmem_cache_destroy(struct bpf_iter_kmem_cache* it) __ksym __weak;
extern int bpf_iter_kmem_cache_new(struct bpf_iter_kmem_cache* it) __ksym __weak;
extern struct kmem_cache* bpf_iter_kmem_cache_next(struct bpf_iter_kmem_cache* it) __ksym __weak;
extern void bpf_iter_num_destroy(struct bpf_iter_num* it) __ksym __weak;
extern int bpf_iter_num_new(struct bpf_iter_num* it, int start, int end) __ksym __weak;
extern int* bpf_iter_num_next(struct bpf_iter_num* it) __ksym __weak;
extern void bpf_iter_task_destroy(struct bpf_iter_task* it) __ksym __weak;
extern int bpf_iter_task_new(struct bpf_iter_task* it, struct task_struct* task__nullable,
                             unsigned int flags) __ksym __weak;
extern struct task_struct* bpf_iter_task_next(struct bpf_iter_task* it) __ksym __weak;
extern void bpf_iter_task_vma_destroy(struct bpf_iter_task_vma* it) __ksym __weak;
extern int bpf_iter_task_vma_new(struct bpf_iter_task_vma* it, struct task_struct* task, u64 addr) __ksym __weak;
extern struct vm_area_struct* bpf_iter_task_vma_next(struct bpf_iter_task_vma* it) __ksym __weak;
extern struct bpf_list_node* bpf_list_pop_front(struct bpf_list_head* head) __ksym __weak;
extern int bpf_list_push_back_impl(struct bpf_list_head* head, struct bpf_list_node* node, void* meta__ign,
                                   u64 off) __ksym __weak;
extern int bpf_list_push_front_impl(struct bpf_list_head* head, struct bpf_list_node* node, void* meta__ign,
                                    u64 off) __ksym __weak;
extern void bpf_local_irq_restore(unsigned long* flags__irq_flag) __ksym __weak;
extern void bpf_local_irq_save(unsigned long* flags__irq_flag) __ksym __weak;
extern s64 bpf_map_sum_elem_count(const struct bpf_map* map) __ksym __weak;
extern void bpf_obj_drop_impl(void* p__alloc, void* meta__ign) __ksym __weak;
extern void* bpf_obj_new_impl(u64 local_type_id__k, void* meta__ign) __ksym __weak;
extern void bpf_percpu_obj_drop_impl(void* p__alloc, void* meta__ign) __ksym __weak;
extern void* bpf_percpu_obj_new_impl(u64 local_type_id__k, void* meta__ign) __ksym __weak;
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;
extern int bpf_rbtree_add_impl(struct bpf_rb_root* root, struct bpf_rb_node* node,
                               bool (*less)(struct bpf_rb_node*, const struct bpf_rb_node*), void* meta__ign,
                               u64 off) __ksym __weak;
extern struct bpf_rb_node* bpf_rbtree_first(struct bpf_rb_root* root) __ksym __weak;
extern struct bpf_rb_node* bpf_rbtree_remove(struct bpf_rb_root* root, struct bpf_rb_node* node) __ksym __weak;
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;
extern void* bpf_rdonly_cast(const void* obj__ign, u32 btf_id__k) __ksym __weak;
extern void* bpf_refcount_acquire_impl(void* p__refcounted_kptr, void* meta__ign) __ksym __weak;
extern int bpf_res_spin_lock(struct bpf_res_spin_lock* lock) __ksym __weak;
extern int bpf_res_spin_lock_irqsave(struct bpf_res_spin_lock* lock, unsigned long* flags__irq_flag) __ksym __weak;
extern void bpf_res_spin_unlock(struct bpf_res_spin_lock* lock) __ksym __weak;
extern void bpf_res_spin_unlock_irqrestore(struct bpf_res_spin_lock* lock,
                                           unsigned long* flags__irq_flag) __ksym __weak;
extern struct task_struct* bpf_task_acquire(struct task_struct* p) __ksym __weak;
extern struct task_struct* bpf_task_from_pid(s32 pid) __ksym __weak;
extern struct task_struct* bpf_task_from_vpid(s32 vpid) __ksym __weak;
extern void bpf_task_release(struct task_struct* p) __ksym __weak;
extern long bpf_task_under_cgroup(struct task_struct* task, struct cgroup* ancestor) __ksym __weak;
extern void bpf_throw(u64 cookie) __ksym __weak;
extern int bpf_wq_init(struct bpf_wq* wq, void* p__map, unsigned int flags) __ksym __weak;
extern int bpf_wq_set_callback_impl(struct bpf_wq* wq, int (*callback_fn)(void*, int*, void*), unsigned int flags,
                                    void* aux__prog) __ksym __weak;
extern int bpf_wq_start(struct bpf_wq* wq, unsigned int flags) __ksym __weak;
extern void tcp_reno_cong_avoid(struct sock* sk, u32 ack, u32 acked) __ksym __weak;
extern void __arena* bpf_arena_alloc_pages(void* map, void __arena* addr, u32 pages, int node, u64 flags) __ksym __weak;
extern void bpf_arena_free_pages(void* map, void __arena* addr, u32 pages) __ksym __weak;
extern int bpf_arena_reserve_pages(void* map, void __arena* addr, u32 pages) __ksym __weak;

#define bpf_obj_new(type) ((type*)bpf_obj_new_impl(bpf_core_type_id_local(type), NULL))
#define bpf_obj_drop(p) bpf_obj_drop_impl(p, NULL)
#define bpf_list_push_front(head, node) bpf_list_push_front_impl(head, node, NULL, 0)
#define bpf_list_push_back(head, node) bpf_list_push_back_impl(head, node, NULL, 0)
#define bpf_rbtree_add(root, node, less) bpf_rbtree_add_impl(root, node, less, NULL, 0)
#define bpf_refcount_acquire(p) bpf_refcount_acquire_impl(p, NULL)
#define owner_of(p, type, member) ((type*)((void*)(p) - __builtin_offsetof(type, member)))

char license_text[] SEC("license") = "GPL";
