// SPDX-License-Identifier: Apache-2.0
// check_mtu and fib_lookup of XDP programs, on the loopback and on a device that does not exist.
// oracle: verdicts PASS
#include "common.bpf.h"

DEFINE_MAP(answers, BPF_MAP_TYPE_HASH, __u32, __s64, 1024);

static inline void note(__u32 slot, __s64 code) { bpf_map_update_elem(&answers, &slot, &code, BPF_ANY); }

static inline __s64 route(struct xdp_md *ctx, __u8 family, __u32 ifindex, __u32 flags) {
  struct bpf_fib_lookup request = {.family = family, .ifindex = ifindex};
  return bpf_fib_lookup(ctx, &request, sizeof request, flags);
}

static inline void mtu(struct xdp_md *ctx, __u32 slot, __u32 ifindex, __u32 longest, __s32 by, __u64 flags) {
  note(slot, bpf_check_mtu(ctx, ifindex, &longest, by, flags));
  note(slot + 1, longest);
}

SEC("xdp")
int devices(struct xdp_md *ctx) {
  __u32 id = bpf_xdp_get_buff_len(ctx) * 32;
  mtu(ctx, id, 0, 0, 0, 0), mtu(ctx, id + 2, 1, 0, 70000, 0), mtu(ctx, id + 4, 0x7ffffff0, 9, 0, 0);
  mtu(ctx, id + 6, 1, 70000, 0, 0), mtu(ctx, id + 8, 1, 70000, -5000, 0), mtu(ctx, id + 10, 1, 0, 0, 1);
  mtu(ctx, id + 12, 1, 65536, 0, 0), mtu(ctx, id + 14, 1, 65537, 0, 0);
  note(id + 16, route(ctx, 2, 1, 0)), note(id + 17, route(ctx, 10, 1, 3)), note(id + 18, route(ctx, 3, 1, 0));
  note(id + 19, route(ctx, 2, 0x7ffffff0, 0)), note(id + 20, route(ctx, 2, 1, 1 << 7));
  return XDP_PASS;
}
