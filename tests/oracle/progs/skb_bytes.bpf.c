// SPDX-License-Identifier: Apache-2.0
// Reading and writing the packet at random places: helpers, direct access, the loads of classic BPF.
#include "skb.bpf.h"

unsigned long long load_byte(void *skb, unsigned long long offset) asm("llvm.bpf.load.byte");
unsigned long long load_half(void *skb, unsigned long long offset) asm("llvm.bpf.load.half");
unsigned long long load_word(void *skb, unsigned long long offset) asm("llvm.bpf.load.word");

static inline void load_some(struct __sk_buff *skb) {
  __u64 bytes[4] = {1, 2, 3, 4};
  skb->cb[0] = bpf_skb_load_bytes(skb, skb->cb[0], bytes, 32);
  note(bytes[0]), note(bytes[3]);
  note(bpf_skb_load_bytes(skb, skb->cb[1], bytes, (skb->cb[2] & 31) + 1));
  note(bytes[0]), note(bytes[1]), note(bytes[2]), note(bytes[3]);
  note(bpf_skb_load_bytes_relative(skb, skb->cb[1], bytes, (skb->cb[2] & 31) + 1, skb->mark & 3));
  note(bytes[0]), note(bytes[1]), note(bytes[2]), note(bytes[3]);
}

SEC("socket")
int socket_bytes(struct __sk_buff *skb) {
  load_some(skb);
  return 1;
}

SEC("cgroup_skb/ingress")
int cgroup_bytes(struct __sk_buff *skb) {
  load_some(skb);
  __u32 *p = (void *)(long)skb->data;
  if ((void *)(p + 5) > (void *)(long)skb->data_end) return 0;
  note(p[0]), note(p[4]);
  return 1;
}

SEC("socket")
int legacy_constant(struct __sk_buff *skb) {
  note(load_byte(skb, 0)), note(load_half(skb, 2)), note(load_word(skb, 12));
  note(load_byte(skb, 19)), note(load_half(skb, 60)), note(load_word(skb, 200));
  return 5;
}

SEC("socket")
int legacy_anywhere(struct __sk_buff *skb) {
  note(load_byte(skb, skb->cb[0])), note(load_half(skb, skb->cb[1]));
  note(load_word(skb, (__u64)skb->cb[2] + 4)), note(load_byte(skb, (int)(skb->cb[3] & 0xff) - 0x100000));
  note(load_half(skb, (int)(skb->cb[4] & 0xff) - 0x200000));
  note(load_word(skb, (int)skb->mark));
  return 6;
}

NOINLINE int load_in_subprogram(struct __sk_buff *skb, __u64 offset) {
  return load_half(skb, offset) + 1;
}

SEC("tc")
int legacy_tc(struct __sk_buff *skb) {
  note(load_half(skb, 12)), note(load_word(skb, skb->cb[0]));
  return load_half(skb, skb->cb[1]);
}

SEC("tc")
int store_bytes(struct __sk_buff *skb) {
  __u64 bytes[3] = {skb->mark * 0x100000001ull, 0x0123456789abcdefull, skb->priority};
  __u32 at = skb->cb[0], size = (skb->cb[1] & 15) + 1;
  skb->cb[0] = bpf_skb_store_bytes(skb, at, bytes, size, skb->cb[2]);
  skb->cb[1] = bpf_skb_store_bytes(skb, skb->cb[3], bytes, 5, skb->cb[4] & 3);
  load_some(skb);
  skb->cb[2] = bpf_skb_pull_data(skb, skb->cb[3]);
  return skb->hash;
}

SEC("action")
int direct_bytes(struct __sk_buff *skb) {
  __u8 *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  __u32 at = skb->cb[0] & 0x3ff;
  if (data + at + 8 > end) return 2;
  data[at] += 1;
  *(__u32 *)(data + at + 4) ^= skb->mark;
  skb->cb[1] = bpf_skb_pull_data(skb, skb->cb[1]);
  data = (void *)(long)skb->data, end = (void *)(long)skb->data_end;
  if (data + 30 > end) return 3;
  __u16 half = *(__u16 *)(data + 12);
  *(__u16 *)(data + 28) = half;
  note((long)skb->data_meta - (long)skb->data);
  return half;
}
