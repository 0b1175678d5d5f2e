// SPDX-License-Identifier: Apache-2.0
// bpf_trace_printk: what each format returns, accepted and refused.
// oracle: verdicts PASS
#include "common.bpf.h"

DEFINE_MAP(codes, BPF_MAP_TYPE_ARRAY, __u32, __s64, 40);

static inline void note(__u32 slot, __s64 code) { bpf_map_update_elem(&codes, &slot, &code, BPF_ANY); }

#define PRINT(slot, text, ...)                                                  \
  do {                                                                          \
    char format[] = text;                                                       \
    note(slot, bpf_trace_printk(format, sizeof format, ##__VA_ARGS__));         \
  } while (0)

SEC("xdp")
int print(struct xdp_md *ctx) {
  __u64 v = bpf_xdp_get_buff_len(ctx);
  PRINT(0, "plain\n");
  PRINT(1, "%d %u %x", v, v, v);
  PRINT(2, "%ld %lu %lx\n", v - 1000, v, v);
  PRINT(3, "%lld|%llu|%llx", v - 5000, v, ~v);
  PRINT(4, "%5d|%-8x|%08llx", v, v, v);
  PRINT(5, "%i %X %li", v, v, v);
  PRINT(6, "100%%");
  PRINT(7, "%q", v);
  PRINT(8, "%hd", v);
  PRINT(9, "%d %d %d %d", 1, 2, 3);
  PRINT(10, "%c%c", 'a', 'b');
  PRINT(11, "%");
  PRINT(12, "%l", v);
  PRINT(13, "%f", v);
  PRINT(14, "%px", v);
  PRINT(15, "%n", v);
  PRINT(16, "\001");
  PRINT(17, "tab\tnew\n");
  PRINT(18, "%+d % d", v, v);
  PRINT(19, "%#x", v);
  PRINT(20, "%p", v);
  PRINT(21, "%pZ", v);
  PRINT(22, "%lli%", v);
  PRINT(23, "%3c|", 'x');
  PRINT(24, "%pK", v);
  return XDP_PASS;
}
