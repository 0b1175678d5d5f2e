// SPDX-License-Identifier: Apache-2.0
// What of the kernel an object names: configuration, symbols, functions, members; some of it absent.
#include "kernel.bpf.h"
extern int LINUX_KERNEL_VERSION __kconfig;
extern int CONFIG_HZ __kconfig __weak;
extern bool CONFIG_NOSUCH __kconfig __weak;
extern int CONFIG_BPF_SYSCALL __kconfig __weak;
extern bool LINUX_HAS_SYSCALL_WRAPPER __kconfig;
extern bool LINUX_HAS_BPF_COOKIE __kconfig;
extern char CONFIG_DEFAULT_HOSTNAME[20] __kconfig __weak;
SEC("xdp") int k1(void* c) {
  return LINUX_KERNEL_VERSION > 0x60000 ? 2 : 1;
}
SEC("xdp") int k2(void* c) {
  return CONFIG_HZ;
}
SEC("xdp") int k3(void* c) {
  return CONFIG_NOSUCH;
}
SEC("xdp") int k4(void* c) {
  return LINUX_HAS_SYSCALL_WRAPPER;
}
SEC("xdp") int k5(void* c) {
  return CONFIG_DEFAULT_HOSTNAME[0];
}
extern const void nosuch_sym __ksym __weak;
extern const void schedule __ksym;
extern const void _text __ksym __weak;
SEC("raw_tp/sys_enter") int k7(void* c) {
  return &nosuch_sym ? 1 : 0;
}
SEC("raw_tp/sys_enter") int k8(void* c) {
  return (long)&schedule;
}
extern void bpf_nosuch_kfunc(void) __ksym __weak;
extern struct task_struct* bpf_task_acquire___v2(struct task_struct* p) __ksym __weak;
extern void bpf_task_release___x(struct task_struct* p) __ksym;
extern struct task_struct* bpf_task_acquire___bad(void* p, int q) __ksym __weak;
SEC("tp_btf/task_newtask") int BPF_PROG(k10, struct task_struct* t, u64 f) {
  if (bpf_nosuch_kfunc) bpf_nosuch_kfunc();
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(k12, struct task_struct* t, u64 f) {
  struct task_struct* a = bpf_task_acquire___v2(t);
  if (a) bpf_task_release___x(a);
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(k13, struct task_struct* t, u64 f) {
  if (bpf_task_acquire___bad) bpf_task_acquire___bad(0, 1);
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(k14, struct task_struct* t, u64 f) {
  return bpf_core_field_exists(t->pid) + bpf_core_enum_value(enum pid_type, PIDTYPE_TGID) +
         bpf_core_type_size(struct task_struct);
}
struct nosuch___x {
  int a;
} __attribute__((preserve_access_index));
SEC("tp_btf/task_newtask") int BPF_PROG(k15, struct task_struct* t, u64 f) {
  return ((struct nosuch___x*)t)->a;
}
SEC("tp_btf/task_newtask") int BPF_PROG(k16, struct task_struct* t, u64 f) {
  if (bpf_core_type_exists(struct nosuch___x)) return ((struct nosuch___x*)t)->a;
  return 0;
}
SEC("tp_btf/task_newtask") int BPF_PROG(k17, struct task_struct* t, u64 f) {
  return BPF_CORE_READ(t, real_parent, tgid) + t->real_parent->pid;
}
