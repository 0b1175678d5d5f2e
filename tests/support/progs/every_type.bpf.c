// SPDX-License-Identifier: Apache-2.0
// Programs of types that are judged but not run, with maps and section names that are newer than the loader's library.
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
  __uint(type, 33);  // BPF_MAP_TYPE_ARENA: no map of it works yet
  __uint(map_flags, BPF_F_MMAPABLE);
  __uint(max_entries, 1);
} pages SEC(".maps");

SEC("tc")
int mark(struct __sk_buff* skb) {
  skb->mark = 7;
  return bpf_skb_pull_data(skb, 0);
}

SEC("tcx/ingress")
int tcx(struct __sk_buff* skb) { return skb->len > 64; }

SEC("netfilter")
int verdict(void* ctx) { return 1; }

SEC("cgroup/connect_unix")
int connects(struct bpf_sock_addr* ctx) { return 1; }

SEC("kprobe.session/anything")
int session(void* ctx) { return bpf_get_current_pid_tgid() & 1; }

SEC("xdp")
int whose(struct xdp_md* ctx) { return bpf_get_current_pid_tgid() != 0; }

SEC("cgroup/bind4")
int out_of_range(struct bpf_sock_addr* ctx) { return 4; }

SEC("sk_lookup")
int wrong_field(struct bpf_sk_lookup* ctx) {
  ctx->protocol = 6;
  return 1;
}

char _license[] SEC("license") = "GPL";
