// SPDX-License-Identifier: Apache-2.0
// bpf_redirect and bpf_redirect_map: targets, empty slots with and without a fallback verdict, flags that are refused.
// oracle: set ports 01000000 = 01000000
// oracle: verdicts REDIRECT PASS DROP TX ABORTED
#include "common.bpf.h"

DEFINE_MAP(ports, BPF_MAP_TYPE_DEVMAP, __u32, __u32, 4);
DEFINE_MAP(turn, BPF_MAP_TYPE_ARRAY, __u32, __u32, 1);

SEC("xdp")
int redirects(struct xdp_md *ctx) {
  __u32 zero = 0;
  __u32 *turns = bpf_map_lookup_elem(&turn, &zero);
  if (!turns) return XDP_ABORTED;
  *turns += 1;
  switch (*turns % 9) {
    case 0: return bpf_redirect(ctx->ingress_ifindex, 0);
    case 1: return bpf_redirect(1, 1);
    case 2: return bpf_redirect_map(&ports, 1, 0);
    case 3: return bpf_redirect_map(&ports, 2, 0);
    case 4: return bpf_redirect_map(&ports, 2, XDP_PASS);
    case 5: return bpf_redirect_map(&ports, 9, XDP_DROP);
    case 6: return bpf_redirect_map(&ports, 2, XDP_TX);
    case 7: return bpf_redirect_map(&ports, 1, XDP_TX);
    default: bpf_redirect(7, 0); return XDP_PASS;
  }
}
