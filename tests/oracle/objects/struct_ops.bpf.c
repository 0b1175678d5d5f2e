// SPDX-License-Identifier: Apache-2.0
// Structs of functions in every section that they may stand in.
#include "kernel.bpf.h"
SEC("struct_ops/init") void BPF_PROG(i1, struct sock* sk) {}
SEC("struct_ops") u32 BPF_PROG(ss, struct sock* sk) {
  return ((struct tcp_sock*)sk)->snd_cwnd;
}
SEC("struct_ops") u32 BPF_PROG(undo, struct sock* sk) {
  return 1;
}
SEC("?struct_ops") u32 BPF_PROG(undo2, struct sock* sk) {
  return 2;
}
SEC("struct_ops/cong_avoid") void BPF_PROG(ca, struct sock* sk, u32 ack, u32 acked) {
  tcp_reno_cong_avoid(sk, ack, acked);
}
SEC("struct_ops.s/cong_control") void BPF_PROG(cc, struct sock* sk, u32 ack, int flag, const struct rate_sample* rs) {
  struct tcp_sock* tp = (void*)sk;
  tp->snd_cwnd = 3;
}
SEC("struct_ops/nomem") void BPF_PROG(nm, struct sock* sk) {
  struct tcp_sock* tp = (void*)sk;
  tp->copied_seq = 3;
}
SEC(".struct_ops.link")
struct tcp_congestion_ops l1 = {
    .init = (void*)i1, .ssthresh = (void*)ss, .undo_cwnd = (void*)undo, .cong_avoid = (void*)ca, .name = "l1"};
SEC(".struct_ops")
struct tcp_congestion_ops l2 = {
    .init = (void*)i1, .ssthresh = (void*)ss, .undo_cwnd = (void*)undo, .cong_avoid = (void*)ca, .name = "l2"};
SEC("?.struct_ops.link")
struct tcp_congestion_ops l3 = {
    .ssthresh = (void*)ss, .undo_cwnd = (void*)undo2, .cong_control = (void*)cc, .name = "l3"};
SEC("?.struct_ops") struct tcp_congestion_ops l4 = {.ssthresh = (void*)ss, .release = (void*)nm, .name = "l4"};
struct tcp_congestion_ops___v1 {
  int unknown_zero;
  u32 (*ssthresh)(struct sock* sk);
  u32 (*undo_cwnd)(struct sock* sk);
  char name[16];
};
SEC(".struct_ops.link")
struct tcp_congestion_ops___v1 l5 = {.ssthresh = (void*)ss, .undo_cwnd = (void*)undo, .name = "l5"};
SEC("struct_ops") int BPF_PROG(qenq, void* skb) {
  return 0;
}
