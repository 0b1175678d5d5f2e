/* SPDX-License-Identifier: Apache-2.0 */
/* skb_access.c — reading and writing the bytes of a struct sk_buff: helpers, and the loads of classic BPF.
 *
 * Errors    as Linux: EFAULT bytes that the packet does not have (the program's buffer is then zeroed); EINVAL unknown
 *           flags; ENOMEM for pull_data beyond the packet.
 */
#include "bpf/runtime/skb.h"

enum { kRecomputeCsum = 1, kInvalidateHash = 2, kFromMac = 0, kFromNetwork = 1 };

static inline uint64_t clear(uint64_t to, uint64_t bytes) {
  memset((void*)(uintptr_t)to, 0, (uint32_t)bytes);
  return skb_error(EFAULT);
}

BPF_BODY(bpf_skb_load_bytes) {
  const struct sk_buff* skb = skb_of(r1);
  const uint32_t offset = (uint32_t)r2, bytes = (uint32_t)r4;
  if (offset > INT32_MAX || !skb_holds(skb, offset, bytes)) return clear(r3, r4);
  memcpy((void*)(uintptr_t)r3, skb_data(skb) + offset, bytes);
  return 0;
}

BPF_BODY(bpf_skb_load_bytes_relative) {
  const struct sk_buff* skb = skb_of(r1);
  const uint32_t offset = (uint32_t)r2, bytes = (uint32_t)r4;
  uint32_t header = SKB_NO_HEADER;
  if ((uint32_t)r5 == kFromMac) header = skb->mac_header;
  if ((uint32_t)r5 == kFromNetwork) header = skb->network_header;
  if (offset > kOffsetMax || header == SKB_NO_HEADER) return clear(r3, r4);
  const uint64_t end = (uint64_t)((uint8_t*)skb->data_end - skb_head(skb));
  if ((uint64_t)header + offset + bytes > end) return clear(r3, r4);
  memcpy((void*)(uintptr_t)r3, skb_head(skb) + header + offset, bytes);
  return 0;
}

BPF_BODY(bpf_skb_store_bytes) {
  struct sk_buff* skb = skb_of(r1);
  const uint32_t offset = (uint32_t)r2, bytes = (uint32_t)r4;
  if (r5 & ~(uint64_t)(kRecomputeCsum | kInvalidateHash)) return skb_error(EINVAL);
  if (offset > INT32_MAX || !skb_holds(skb, offset, bytes)) return skb_error(EFAULT);
  uint8_t* const to = skb_data(skb) + offset;
  if (r5 & kRecomputeCsum) skb_csum_sub(skb, to, bytes, offset);
  memcpy(to, (const void*)(uintptr_t)r3, bytes);
  if (r5 & kRecomputeCsum) skb_csum_add(skb, to, bytes, offset);
  if (r5 & kInvalidateHash) skb_clear_hash(skb);
  return 0;
}

/* Every byte is where programs can reach it already. */
BPF_BODY(bpf_skb_pull_data) {
  return (uint32_t)r2 <= skb_of(r1)->len ? 0 : skb_error(ENOMEM);
}

/* Offsets below zero count from the network header or from the link header (SKF_NET_OFF, SKF_LL_OFF). */
static inline const uint8_t* find_bytes(const struct sk_buff* skb, int32_t offset, uint32_t bytes) {
  enum { kNetOff = -0x100000, kLinkOff = -0x200000 };
  if (offset >= 0) return skb_holds(skb, (uint32_t)offset, bytes) ? skb_data(skb) + offset : 0;
  int64_t at;
  if (offset >= kNetOff)
    at = (int64_t)skb->network_header + offset - kNetOff;
  else if (offset >= kLinkOff && skb->mac_header != SKB_NO_HEADER)
    at = (int64_t)skb->mac_header + offset - kLinkOff;
  else
    return 0;
  return at + bytes <= (uint8_t*)skb->data_end - skb_head(skb) ? skb_head(skb) + at : 0;
}

uint64_t bpf_packet_load(struct bpf_env* env, uint64_t r1, uint64_t r2, uint64_t r3, uint64_t r4, uint64_t r5) {
  const uint8_t* from = find_bytes(skb_of(r1), (int32_t)r2, (uint32_t)r3);
  if (!from) return skb_error(EFAULT);
  uint64_t value = 0;
  for (uint32_t i = 0; i < (uint32_t)r3; ++i) value = value << 8 | from[i];
  return value;
}
