// SPDX-License-Identifier: Apache-2.0
// Arrays: keys outside, every update flag, removal, values that are no multiple of eight bytes.
// oracle: verdicts PASS
#include "common.bpf.h"

struct odd {
  __u8 bytes[13];
};
DEFINE_MAP(odds, BPF_MAP_TYPE_ARRAY, __u32, struct odd, 5);
DEFINE_MAP(percpu, BPF_MAP_TYPE_PERCPU_ARRAY, __u32, struct odd, 3);
DEFINE_MAP(codes, BPF_MAP_TYPE_ARRAY, __u32, __s64, 64);

static inline void note(__u32 slot, __s64 code) { bpf_map_update_elem(&codes, &slot, &code, BPF_ANY); }

SEC("xdp")
int array_edges(struct xdp_md *ctx) {
  __u8 *p = packet_data(ctx);
  if ((void *)(p + 14) > packet_end(ctx)) return XDP_ABORTED;
  struct odd value = {};
  __builtin_memcpy(value.bytes, p, 13);
  __u32 key = p[13] ^ bpf_xdp_get_buff_len(ctx);
  key &= 7;
  note(key, bpf_map_update_elem(&odds, &key, &value, BPF_ANY));
  note(key + 8, bpf_map_update_elem(&percpu, &key, &value, BPF_EXIST));
  struct odd *o = bpf_map_lookup_elem(&odds, &key);
  note(key + 16, o ? o->bytes[12] : -1);
  if (o) o->bytes[5] += 1;
  __u32 one = 1;
  note(30, bpf_map_update_elem(&odds, &one, &value, BPF_NOEXIST));
  note(31, bpf_map_update_elem(&percpu, &one, &value, BPF_NOEXIST));
  note(32, bpf_map_update_elem(&odds, &one, &value, 3));
  note(33, bpf_map_update_elem(&odds, &one, &value, 8));
  note(34, bpf_map_delete_elem(&odds, &one));
  note(35, bpf_map_delete_elem(&percpu, &one));
  return XDP_PASS;
}
