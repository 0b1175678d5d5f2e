// SPDX-License-Identifier: Apache-2.0
// Allocated objects, kernel pointers, locks, iterators and callbacks, as programs in C use them.
#include "kernel.bpf.h"
struct mynode {
  long key;
  struct bpf_list_node l;
  struct bpf_rb_node r;
  struct bpf_refcount ref;
};
own_section(A) struct bpf_spin_lock lock;
own_section(A) struct bpf_list_head head __contains(mynode, l);
own_section(B) struct bpf_spin_lock glock;
own_section(B) struct bpf_rb_root root __contains(mynode, r);
struct pcs {
  long a;
};
struct mv {
  struct bpf_spin_lock lock;
  struct bpf_list_head head __contains(mynode, l);
  struct mynode __kptr_of* stash;
  struct bpf_timer t;
  int x;
};
struct mv2 {
  struct task_struct __kptr_of* task;
  struct cgroup __kptr_of* cg;
  struct bpf_cpumask __kptr_of* mask;
  struct task_struct __kptr_untrusted_of* ut;
  struct pcs __attribute__((btf_type_tag("percpu_kptr"))) * pc;
  struct bpf_wq wq;
};
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 4);
  __type(key, int);
  __type(value, struct mv);
} am SEC(".maps");
struct {
  __uint(type, BPF_MAP_TYPE_HASH);
  __uint(max_entries, 4);
  __type(key, int);
  __type(value, struct mv2);
} hm SEC(".maps");
static bool less(struct bpf_rb_node* a, const struct bpf_rb_node* b) {
  return owner_of(a, struct mynode, r)->key < owner_of(b, struct mynode, r)->key;
}
SEC("tc") int n1(void* c) {
  struct mynode* n = bpf_obj_new(struct mynode);
  if (!n) return 0;
  n->key = 1;
  bpf_spin_lock(&lock);
  bpf_list_push_front(&head, &n->l);
  bpf_spin_unlock(&lock);
  return 0;
}
SEC("tc") int n2(void* c) {
  struct mynode* n = bpf_obj_new(struct mynode);
  if (!n) return 0;
  n->key = 1;
  bpf_spin_lock(&glock);
  bpf_rbtree_add(&root, &n->r, less);
  bpf_spin_unlock(&glock);
  return 0;
}
SEC("tc") int n3(void* c) {
  struct mynode* n = bpf_obj_new(struct mynode);
  if (!n) return 0;
  return 0;
}
SEC("tc") int n4(void* c) {
  struct bpf_list_node* l;
  bpf_spin_lock(&lock);
  l = bpf_list_pop_front(&head);
  bpf_spin_unlock(&lock);
  if (!l) return 0;
  bpf_obj_drop(owner_of(l, struct mynode, l));
  return 0;
}
SEC("tc") int n5(void* c) {
  struct bpf_rb_node* r;
  bpf_spin_lock(&glock);
  r = bpf_rbtree_first(&root);
  if (!r) {
    bpf_spin_unlock(&glock);
    return 1;
  }
  r = bpf_rbtree_remove(&root, r);
  bpf_spin_unlock(&glock);
  if (!r) return 0;
  bpf_obj_drop(owner_of(r, struct mynode, r));
  return 0;
}
SEC("tc") int n6(void* c) {
  struct mynode *n = bpf_obj_new(struct mynode), *m;
  if (!n) return 0;
  m = bpf_refcount_acquire(n);
  bpf_spin_lock(&lock);
  bpf_list_push_front(&head, &n->l);
  bpf_spin_unlock(&lock);
  bpf_spin_lock(&glock);
  bpf_rbtree_add(&root, &m->r, less);
  bpf_spin_unlock(&glock);
  return 0;
}
SEC("tc") int n7(void* c) {
  struct mynode *n = bpf_obj_new(struct mynode), *m;
  if (!n) return 0;
  bpf_list_push_front(&head, &n->l);
  return 0;
}
SEC("tc") int n8(void* c) {
  int k = 0;
  struct mv* v = bpf_map_lookup_elem(&am, &k);
  if (!v) return 0;
  struct mynode* n = bpf_obj_new(struct mynode);
  if (!n) return 0;
  n = bpf_kptr_xchg(&v->stash, n);
  if (n) bpf_obj_drop(n);
  return 0;
}
SEC("tc") int n9(void* c) {
  int k = 0;
  struct mv* v = bpf_map_lookup_elem(&am, &k);
  if (!v) return 0;
  struct mynode* n = bpf_obj_new(struct mynode);
  if (!n) return 0;
  bpf_spin_lock(&v->lock);
  bpf_list_push_back(&head, &n->l);
  bpf_spin_unlock(&v->lock);
  return 0;
}
SEC("tc") int n10(void* c) {
  int k = 0;
  struct mv* v = bpf_map_lookup_elem(&am, &k);
  if (!v) return 0;
  struct mynode* n = bpf_obj_new(struct mynode);
  if (!n) return 0;
  bpf_spin_lock(&v->lock);
  bpf_list_push_back(&v->head, &n->l);
  n->key = 2;
  bpf_spin_unlock(&v->lock);
  n->key = 4;
  return 0;
}
SEC("tc") int n11(void* c) {
  struct mynode* n = bpf_obj_new(struct mynode);
  if (!n) return 0;
  bpf_obj_drop(n);
  return n->key;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n12, struct task_struct* t, u64 f) {
  struct task_struct* a = bpf_task_acquire(t);
  if (!a) return 0;
  int k = 0;
  struct mv2* v = bpf_map_lookup_elem(&hm, &k);
  if (!v) {
    bpf_task_release(a);
    return 0;
  }
  a = bpf_kptr_xchg(&v->task, a);
  if (a) bpf_task_release(a);
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n13, struct task_struct* t, u64 f) {
  int k = 0;
  struct mv2* v = bpf_map_lookup_elem(&hm, &k);
  if (!v) return 0;
  bpf_rcu_read_lock();
  struct task_struct* p = v->task;
  if (p) {
    int x = p->pid;
    bpf_rcu_read_unlock();
    return x;
  }
  bpf_rcu_read_unlock();
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n14, struct task_struct* t, u64 f) {
  int k = 0;
  struct mv2* v = bpf_map_lookup_elem(&hm, &k);
  if (!v) return 0;
  struct task_struct* p = v->task;
  if (!p) return 0;
  return p->pid;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n15, struct task_struct* t, u64 f) {
  int k = 0;
  struct mv2* v = bpf_map_lookup_elem(&hm, &k);
  if (!v) return 0;
  v->ut = t;
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n16, struct task_struct* t, u64 f) {
  int k = 0;
  struct mv2* v = bpf_map_lookup_elem(&hm, &k);
  if (!v) return 0;
  struct task_struct* p = v->ut;
  if (!p) return 0;
  return p->pid;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n17, struct task_struct* t, u64 f) {
  struct bpf_cpumask* m = bpf_cpumask_create();
  if (!m) return 0;
  bpf_cpumask_set_cpu(1, m);
  bool b = bpf_cpumask_test_cpu(1, (const struct cpumask*)m);
  bpf_cpumask_and(m, (const struct cpumask*)m, t->cpus_ptr);
  bpf_cpumask_release(m);
  return b;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n18, struct task_struct* t, u64 f) {
  struct bpf_cpumask* m = bpf_cpumask_create();
  bpf_cpumask_set_cpu(1, m);
  bpf_cpumask_release(m);
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n19, struct task_struct* t, u64 f) {
  struct bpf_cpumask* m = bpf_cpumask_create();
  if (!m) return 0;
  int k = 0;
  struct mv2* v = bpf_map_lookup_elem(&hm, &k);
  if (!v) {
    bpf_cpumask_release(m);
    return 0;
  }
  m = bpf_kptr_xchg(&v->mask, m);
  if (m) bpf_cpumask_release(m);
  bpf_rcu_read_lock();
  m = v->mask;
  if (m) k = bpf_cpumask_first((const struct cpumask*)m);
  bpf_rcu_read_unlock();
  return k;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n20, struct task_struct* t, u64 f) {
  bpf_cpumask_set_cpu(0, (struct bpf_cpumask*)t->cpus_ptr);
  return 0;
}
SEC("tp_btf/cgroup_mkdir") int BPF_PROG(n21, struct cgroup* cg, const char* path) {
  struct cgroup *a = bpf_cgroup_acquire(cg), *p;
  if (!a) return 0;
  p = bpf_cgroup_ancestor(a, 1);
  if (p) bpf_cgroup_release(p);
  bpf_cgroup_release(a);
  return 0;
}
SEC("tp_btf/cgroup_mkdir") int BPF_PROG(n22, struct cgroup* cg, const char* path) {
  struct cgroup* a = bpf_cgroup_acquire(cg);
  if (!a) return 0;
  return 0;
}
SEC("tp_btf/cgroup_mkdir") int BPF_PROG(n23, struct cgroup* cg, const char* path) {
  struct cgroup* a = bpf_cgroup_from_id(cg->kn->id);
  if (!a) return 0;
  int x = a->level;
  bpf_cgroup_release(a);
  return x;
}
SEC("tp_btf/cgroup_mkdir") int BPF_PROG(n24, struct cgroup* cg, const char* path) {
  bpf_cgroup_release(cg);
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n25, struct task_struct* t, u64 f) {
  struct task_struct* p = bpf_task_from_pid(t->pid);
  if (p) bpf_task_release(p);
  p = bpf_task_from_vpid(1);
  if (p) bpf_task_release(p);
  return bpf_task_under_cgroup(t, t->cgroups->dfl_cgrp);
}
SEC("syscall") int n26(void* c) {
  struct task_struct* t = bpf_get_current_task_btf();
  bpf_rcu_read_lock();
  struct css_set* cs = t->cgroups;
  struct cgroup* g = cs->dfl_cgrp;
  long r = bpf_task_under_cgroup(t, g);
  bpf_rcu_read_unlock();
  return r;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n28, struct task_struct* t, u64 f) {
  void* p = bpf_percpu_obj_new_impl(bpf_core_type_id_local(struct pcs), 0);
  if (!p) return 0;
  struct pcs* q = bpf_this_cpu_ptr(p);
  q->a = 1;
  q = bpf_per_cpu_ptr(p, 1);
  if (q) q->a = 2;
  bpf_percpu_obj_drop_impl(p, 0);
  return 0;
}
static int tcb(void* m, int* k, struct mv* v) {
  v->x++;
  return 0;
}
SEC("tc") int n29(void* c) {
  int k = 0;
  struct mv* v = bpf_map_lookup_elem(&am, &k);
  if (!v) return 0;
  bpf_timer_init(&v->t, &am, 1);
  bpf_timer_set_callback(&v->t, tcb);
  bpf_timer_start(&v->t, 100, 0);
  bpf_timer_cancel(&v->t);
  return 0;
}
static int wcb(void* m, int* k, void* v) {
  return 0;
}
SEC("tc") int n30(void* c) {
  int k = 0;
  struct mv2* v = bpf_map_lookup_elem(&hm, &k);
  if (!v) return 0;
  if (bpf_wq_init(&v->wq, &hm, 0)) return 1;
  bpf_wq_set_callback_impl(&v->wq, wcb, 0, 0);
  bpf_wq_start(&v->wq, 0);
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(n31, struct task_struct* t, u64 f) {
  struct bpf_iter_task it;
  struct task_struct* p;
  int n = 0;
  bpf_rcu_read_lock();
  bpf_iter_task_new(&it, 0, BPF_TASK_ITER_ALL_PROCS);
  while ((p = bpf_iter_task_next(&it))) n += p->pid;
  bpf_iter_task_destroy(&it);
  bpf_rcu_read_unlock();
  return n;
}
SEC("fentry.s/__x64_sys_getpgid") int n32(void* c) {
  struct task_struct* t = bpf_get_current_task_btf();
  struct bpf_iter_task_vma it;
  struct vm_area_struct* v;
  int n = 0;
  bpf_iter_task_vma_new(&it, t, 0);
  while ((v = bpf_iter_task_vma_next(&it))) n += v->vm_end - v->vm_start;
  bpf_iter_task_vma_destroy(&it);
  return 0;
}
SEC("syscall") int n33(void* c) {
  struct bpf_iter_bits it;
  int *b, n = 0;
  u64 d[2] = {1, 2};
  bpf_iter_bits_new(&it, d, 2);
  while ((b = bpf_iter_bits_next(&it))) n += *b;
  bpf_iter_bits_destroy(&it);
  return n;
}
SEC("raw_tp/sys_enter") int n34(void* c) {
  struct bpf_iter_num it;
  int *b, n = 0;
  bpf_iter_num_new(&it, 0, 10);
  while ((b = bpf_iter_num_next(&it))) n += *b;
  bpf_iter_num_destroy(&it);
  return n;
}
SEC("syscall") int n35(void* c) {
  struct cgroup* g = bpf_cgroup_from_id(1);
  if (!g) return 0;
  struct bpf_iter_css it;
  struct cgroup_subsys_state* s;
  int n = 0;
  bpf_rcu_read_lock();
  bpf_iter_css_new(&it, &g->self, BPF_CGROUP_ITER_DESCENDANTS_PRE);
  while ((s = bpf_iter_css_next(&it))) n += s->cgroup->level;
  bpf_iter_css_destroy(&it);
  bpf_rcu_read_unlock();
  bpf_cgroup_release(g);
  return n;
}
SEC("syscall") int n36(void* c) {
  struct bpf_iter_kmem_cache it;
  struct kmem_cache* s;
  int n = 0;
  bpf_iter_kmem_cache_new(&it);
  while ((s = bpf_iter_kmem_cache_next(&it))) n += s->size;
  bpf_iter_kmem_cache_destroy(&it);
  return n;
}
own_section(R) struct bpf_res_spin_lock rl;
own_section(R2) struct bpf_res_spin_lock rl2;
SEC("tc") int n37(void* c) {
  if (bpf_res_spin_lock(&rl)) return 1;
  bpf_res_spin_unlock(&rl);
  return 0;
}
SEC("tc") int n38(void* c) {
  unsigned long f;
  if (bpf_res_spin_lock_irqsave(&rl, &f)) return 1;
  bpf_res_spin_unlock_irqrestore(&rl, &f);
  return 0;
}
SEC("tc") int n39(void* c) {
  bpf_res_spin_lock(&rl);
  bpf_res_spin_unlock(&rl);
  return 0;
}
SEC("tc") int n40(void* c) {
  if (bpf_res_spin_lock(&rl)) return 1;
  if (bpf_res_spin_lock(&rl2)) {
    bpf_res_spin_unlock(&rl);
    return 1;
  }
  bpf_res_spin_unlock(&rl2);
  bpf_res_spin_unlock(&rl);
  return 0;
}
SEC("tc") int n41(void* c) {
  if (bpf_res_spin_lock(&rl)) return 1;
  if (bpf_res_spin_lock(&rl2)) {
    bpf_res_spin_unlock(&rl);
    return 1;
  }
  bpf_res_spin_unlock(&rl);
  bpf_res_spin_unlock(&rl2);
  return 0;
}
SEC("tc") int n42(void* c) {
  unsigned long f1, f2;
  bpf_local_irq_save(&f1);
  bpf_local_irq_save(&f2);
  bpf_local_irq_restore(&f2);
  bpf_local_irq_restore(&f1);
  return 0;
}
SEC("tc") int n43(void* c) {
  unsigned long f1, f2;
  bpf_local_irq_save(&f1);
  bpf_local_irq_save(&f2);
  bpf_local_irq_restore(&f1);
  bpf_local_irq_restore(&f2);
  return 0;
}
SEC("tc") int n44(void* c) {
  bpf_preempt_disable();
  bpf_preempt_enable();
  bpf_preempt_disable();
  return 0;
}
SEC("syscall") int n45(void* c) {
  char b[16];
  bpf_preempt_disable();
  bpf_copy_from_user(b, 16, 0);
  bpf_preempt_enable();
  return 0;
}
SEC("tc") int n46(void* c) {
  return bpf_map_sum_elem_count((struct bpf_map*)&hm);
}
SEC("tp_btf/task_newtask") int BPF_PROG(n47, struct task_struct* t, u64 f) {
  struct task_struct* x = bpf_rdonly_cast(t->real_parent, bpf_core_type_id_kernel(struct task_struct));
  return x->pid;
}
SEC("tc") int n48(struct __sk_buff* c) {
  struct sk_buff* s = bpf_cast_to_kern_ctx(c);
  return s->len + s->data_len +
         ((struct ethhdr*)bpf_rdonly_cast(s->head, bpf_core_type_id_kernel(struct ethhdr)))->h_proto;
}
