// SPDX-License-Identifier: Apache-2.0
// Global variables and pages in an arena.
#include "kernel.bpf.h"
struct {
  __uint(type, 33);
  __uint(map_flags, 1 << 10);
  __uint(max_entries, 100);
  __number(map_extra, 0x1ull << 44);
} arena SEC(".maps");
struct e {
  struct e __arena* next;
  int v;
};
int __arena g1;
int __arena g2 = 5;
struct e __arena* head;
struct e __arena* __arena ghead;
char __arena page[4096];
SEC("syscall") int a1(void* ctx) {
  void __arena* p = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
  if (!p) return 1;
  *(int __arena*)p = 3;
  bpf_arena_free_pages(&arena, p, 1);
  return 0;
}
SEC("syscall") int a2(void* ctx) {
  g1 = 1;
  g2++;
  return g1;
}
SEC("syscall") int a3(void* ctx) {
  struct e __arena* n = bpf_arena_alloc_pages(&arena, NULL, 1, -1, 0);
  n->next = ghead;
  n->v = 1;
  ghead = n;
  return 0;
}
SEC("socket") int a5(void* ctx) {
  g1 = 7;
  return g1;
}
SEC("tc") int a6(struct __sk_buff* ctx) {
  for (int i = 0; i < 100; i++) page[i] = i;
  return page[ctx->len & 63];
}
SEC("syscall") int a7(void* ctx) {
  __sync_fetch_and_add(&g1, 1);
  return __sync_val_compare_and_swap(&g2, 1, 2);
}
__noinl int sub(struct e __arena* p __arg_arena) {
  p->v = 1;
  return p->v;
}
SEC("syscall") int a8(void* ctx) {
  return sub(ghead);
}
__noinl __weak int gsub(struct e __arena* p __arg_arena) {
  p->v = 1;
  return p->v;
}
SEC("syscall") int a9(void* ctx) {
  return gsub(ghead);
}
SEC("syscall") int a10(void* ctx) {
  bpf_printk("%d", g1);
  return bpf_arena_reserve_pages(&arena, NULL, 1);
}
SEC("syscall") int a11(void* ctx) {
  char b[8];
  bpf_probe_read_kernel(b, 8, (void*)&page[0]);
  return b[0];
}
SEC("tp_btf/sys_enter") int a12(void* ctx) {
  g1++;
  return 0;
}
SEC("iter.s/bpf_map") int a13(struct bpf_iter__bpf_map* ctx) {
  struct bpf_map* m = ctx->map;
  if (!m) return 0;
  g1 = m->id;
  return 0;
}
int plain;
SEC("xdp") int a14(void* ctx) {
  plain++;
  g1 += plain;
  return 2;
}
