// SPDX-License-Identifier: Apache-2.0
// adjust_head, adjust_tail and adjust_meta by distances on both sides of every limit; each packet tries the next one.
// oracle: verdicts PASS
#include "common.bpf.h"

DEFINE_MAP(turn, BPF_MAP_TYPE_ARRAY, __u32, __u32, 1);
DEFINE_MAP(codes, BPF_MAP_TYPE_ARRAY, __u32, __s64, 128);

static inline void note(__u32 slot, __s64 code) { bpf_map_update_elem(&codes, &slot, &code, BPF_ANY); }

SEC("xdp")
int borders(struct xdp_md *ctx) {
  __u32 zero = 0;
  __u32 *turns = bpf_map_lookup_elem(&turn, &zero);
  if (!turns) return XDP_ABORTED;
  __u32 t = *turns;
  *turns = t + 1;
  switch (t % 18) {
    case 0: note(t, bpf_xdp_adjust_head(ctx, -216)); break;
    case 1: note(t, bpf_xdp_adjust_head(ctx, -217)); break;
    case 2: note(t, bpf_xdp_adjust_head(ctx, 14)); break;
    case 3: note(t, bpf_xdp_adjust_head(ctx, 100)); break;
    case 4: note(t, bpf_xdp_adjust_head(ctx, -14)); break;
    case 5: note(t, bpf_xdp_adjust_meta(ctx, -4)); break;
    case 6: note(t, bpf_xdp_adjust_meta(ctx, -3)); break;
    case 7: note(t, bpf_xdp_adjust_meta(ctx, -216)); break;
    case 8: note(t, bpf_xdp_adjust_meta(ctx, 4)); break;
    case 9: note(t, bpf_xdp_adjust_tail(ctx, 100)); break;
    case 10: note(t, bpf_xdp_adjust_tail(ctx, 3700)); break;
    case 11: note(t, bpf_xdp_adjust_tail(ctx, -20)); break;
    case 12: note(t, bpf_xdp_adjust_tail(ctx, -60)); break;
    case 13:
      note(t, bpf_xdp_adjust_meta(ctx, -16));
      note(t + 64, bpf_xdp_adjust_head(ctx, -208));
      break;
    case 14:
      note(t, bpf_xdp_adjust_tail(ctx, -10));
      note(t + 64, bpf_xdp_adjust_tail(ctx, 10));
      break;
    default: {
      note(t, bpf_xdp_adjust_meta(ctx, -8));
      __u32 *meta = (void *)(long)ctx->data_meta;
      if ((void *)(meta + 2) > packet_data(ctx)) return XDP_DROP;
      meta[0] = 0x11223344;
      meta[1] = t;
      note(t + 64, bpf_xdp_adjust_head(ctx, t % 3 * 7));
    }
  }
  __u8 *p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_DROP;
  p[0] = 0xee;
  p[13] = bpf_xdp_get_buff_len(ctx);
  return XDP_PASS;
}
