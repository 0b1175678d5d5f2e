// SPDX-License-Identifier: Apache-2.0
// What clang makes of signed division, sign extension and byte swaps with the v4 instructions, on packet bytes.
// oracle: verdicts PASS DROP
#include "common.bpf.h"

SEC("xdp")
int arithmetic_v4(struct xdp_md *ctx) {
  __s64 *p = packet_data(ctx);
  if ((void *)(p + 5) > packet_end(ctx)) return XDP_DROP;
  __s64 a = p[1], b = p[2], out = 0;
  out = out * 31 + a / (b | 1);
  out = out * 31 + a % (b | 1);
  out = out * 31 + (__s32)a / ((__s32)b | 1);
  out = out * 31 + (__s32)a % ((__s32)b | 1);
  out = out * 31 + (__s8)a + (__s16)b;
  out = out * 31 + (__s32)(a ^ b);
  out = out * 31 + *(__s8 *)(p + 3) + *((__s16 *)p + 7) + *((__s32 *)p + 3);
  out = out * 31 + __builtin_bswap16(a) + __builtin_bswap32(b) + __builtin_bswap64(a ^ b);
  out = out * 31 + (a >> (b & 63)) + ((__u64)a >> (b & 63)) + ((__s32)a >> (b & 31));
  p[0] = out;
  return XDP_PASS;
}
