// SPDX-License-Identifier: Apache-2.0
// Programs that throw, and the functions that a tag names for it.
#include "kernel.bpf.h"
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __type(key, int);
  __type(value, long);
} m SEC(".maps");
__noinl int cb1(u64 c) {
  return 0;
}
__noinl int cb_bad(u64 c) {
  return c;
}
__noinl int cb_two(u64 c, int d) {
  return 0;
}
static __noinl int cb_static(u64 c) {
  return 0;
}
__noinl int helper_cb(int x) {
  return x + 1;
}
__noinl int cb_calls(u64 c) {
  return helper_cb(c) != 0;
}
SEC("tc") __exception_cb(cb1) int e1(struct __sk_buff* s) {
  bpf_throw(0);
  return 0;
}
SEC("tc") int e2(struct __sk_buff* s) {
  bpf_throw(64);
  return 0;
}
SEC("xdp") __exception_cb(cb_bad) int e3(struct xdp_md* s) {
  if (s->rx_queue_index) bpf_throw(1);
  return 2;
}
SEC("tc") __exception_cb(cb_two) int e4(struct __sk_buff* s) {
  bpf_throw(0);
  return 0;
}
SEC("tc") __exception_cb(cb_static) int e5(struct __sk_buff* s) {
  bpf_throw(0);
  return cb_static(1);
}
SEC("tc") __exception_cb(cb_calls) int e6(struct __sk_buff* s) {
  bpf_throw(0);
  return 0;
}
static __noinl int thr(struct __sk_buff* s) {
  if (s->len) bpf_throw(2);
  return 1;
}
SEC("tc") int e7(struct __sk_buff* s) {
  return thr(s) + thr(s);
}
SEC("tc") __exception_cb(cb1) int e8(struct __sk_buff* s) {
  return thr(s) + cb1(3);
}
SEC("tc") __exception_cb(cb1) __exception_cb(cb_calls) int e9(struct __sk_buff* s) {
  bpf_throw(0);
  return 0;
}
SEC("tc") int e10(struct __sk_buff* s) {
  bpf_rcu_read_lock();
  bpf_throw(0);
  return 0;
}
SEC("cgroup_skb/ingress") int e11(struct __sk_buff* s) {
  bpf_throw(7);
  return 0;
}
SEC("tc") __exception_cb(nosuch) int e12(struct __sk_buff* s) {
  bpf_throw(7);
  return 0;
}
__noinl int gthr(u64 c) {
  bpf_throw(c);
  return 0;
}
SEC("tc") int e13(struct __sk_buff* s) {
  return gthr(s->len);
}
SEC("fentry/bpf_fentry_test1") int e14(void* s) {
  bpf_throw(7);
  return 0;
}
SEC("?tc") __exception_cb(cb1) int e15(struct __sk_buff* s) {
  bpf_throw(0);
  return 0;
}
static int lcb(u32 i, void* c) {
  bpf_throw(3);
  return 0;
}
SEC("tc") int e16(struct __sk_buff* s) {
  bpf_loop(3, lcb, NULL, 0);
  return 0;
}
__noinl void cb_void(u64 c) {}
SEC("tc") __exception_cb(cb_void) int e17(struct __sk_buff* s) {
  bpf_throw(0);
  return 0;
}
SEC("tc") __exception_cb(e2) int e18(struct __sk_buff* s) {
  bpf_throw(0);
  return 0;
}
__noinl __weak int cb_weak(u64 c) {
  return 0;
}
SEC("tc") __exception_cb(cb_weak) int e19(struct __sk_buff* s) {
  bpf_throw(0);
  return 0;
}
