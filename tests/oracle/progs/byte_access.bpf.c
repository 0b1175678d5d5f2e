// SPDX-License-Identifier: Apache-2.0
// xdp_load_bytes and xdp_store_bytes at offsets and lengths taken from the packet's own bytes.
// oracle: verdicts PASS
#include "common.bpf.h"

DEFINE_MAP(codes, BPF_MAP_TYPE_HASH, __u32, __s64, 256);

static inline void note(__u32 slot, __s64 code) { bpf_map_update_elem(&codes, &slot, &code, BPF_ANY); }

SEC("xdp")
int byte_access(struct xdp_md *ctx) {
  __u8 bytes[32] = {};
  __u32 length = bpf_xdp_get_buff_len(ctx);
  note(length, bpf_xdp_load_bytes(ctx, length - 32, bytes, 32));
  for (int i = 0; i < 32; ++i) bytes[i] ^= 0x5a;
  note(length + 10000, bpf_xdp_store_bytes(ctx, 6, bytes, 32));
  note(length + 20000, bpf_xdp_store_bytes(ctx, length, bytes, 1));
  note(length + 30000, bpf_xdp_load_bytes(ctx, 0xffff, bytes, 1));
  note(length + 40000, bpf_xdp_load_bytes(ctx, 0x10000, bytes, 1));
  note(length + 50000, bpf_xdp_load_bytes(ctx, -1, bytes, 2));
  note(length + 60000, bpf_xdp_store_bytes(ctx, length - 1, bytes, 1));
  return XDP_PASS;
}
