/* SPDX-License-Identifier: Apache-2.0 */
/* skb_room.c — making room in a struct sk_buff, or taking it away: at either end, or between its headers.
 *
 * Errors    as Linux: EINVAL flags or lengths out of range; ENOTSUPP what Linux does not do either; EFAULT a distance
 *           beyond 0xfff; EALREADY a second encapsulation; ENOMEM the buffer is too short.
 */
#include "bpf/runtime/skb.h"

static inline void gso_reset(struct sk_buff* skb) {
  skb->gso_size = skb->gso_segs = skb->gso_type = 0;
}

BPF_BODY(bpf_skb_change_head) {
  struct sk_buff* skb = skb_of(r1);
  const uint32_t bytes = (uint32_t)r2, longer = skb->len + bytes;
  if (r3 || bytes > INT32_MAX || (longer > skb->len_max && !skb_is_gso(skb))) return skb_error(EINVAL);
  const int code = skb_make_headroom(skb, bytes);
  if (code) return skb_error(code);
  skb_move_data(skb, -(int32_t)bytes);
  memset(skb->data, 0, bytes);
  skb->mac_header = skb_headroom(skb);
  skb->mac_len = (uint16_t)skb_mac_header_len(skb);
  return 0;
}

static inline int64_t shortest(const struct sk_buff* skb) {
  if (skb->transport_header != SKB_NO_HEADER) return (int64_t)skb->transport_header - skb_headroom(skb);
  return skb_network_offset(skb);
}

BPF_BODY(bpf_skb_change_tail) {
  struct sk_buff* skb = skb_of(r1);
  const uint32_t bytes = (uint32_t)r2;
  const int64_t least = shortest(skb);
  /* Compared unsigned: a header behind the packet's beginning allows nothing. */
  if (r3 || bytes > skb->len_max || bytes < (uint32_t)least) return skb_error(EINVAL);
  if (skb->encapsulation) return skb_error(kNotSupported);
  if (bytes > skb->len) {
    const uint32_t more = bytes - skb->len;
    if ((uint64_t)((char*)skb->end - (char*)skb->data_end) < more) return skb_error(ENOMEM);
    memset(skb->data_end, 0, more);
  }
  if (bytes != skb->len && skb->ip_summed == SKB_CSUM_COMPLETE) skb->ip_summed = SKB_CSUM_NONE;
  skb->data_end = (char*)skb->data + bytes;
  skb->len = bytes;
  if (skb_is_gso(skb)) gso_reset(skb);
  return 0;
}

/* Bytes of zero, `offset` into the packet; headers before them move to the front. */
static inline int open_gap(struct sk_buff* skb, uint32_t offset, uint32_t bytes) {
  const int same = skb->transport_header == skb->network_header;
  const int code = skb_make_headroom(skb, bytes);
  if (code) return code;
  /* The headers may be said to be longer than the packet: what is behind it moves too, as far as there is any. */
  if ((uint64_t)((char*)skb->end - (char*)skb->data) < offset) return ENOMEM;
  skb_move_data(skb, -(int32_t)bytes);
  memmove(skb->data, skb_data(skb) + bytes, offset);
  memset(skb_data(skb) + offset, 0, bytes);
  skb->mac_header -= bytes;
  skb->network_header -= bytes;
  if (same) skb->transport_header = skb->network_header;
  return 0;
}

static inline int close_gap(struct sk_buff* skb, uint32_t offset, uint32_t bytes) {
  const int same = skb->transport_header == skb->network_header;
  if (!skb_holds(skb, offset, bytes)) return ENOMEM;
  uint8_t* const data = skb_data(skb);
  skb_csum_sub(skb, data + offset, bytes, 0);
  memmove(data + bytes, data, offset);
  skb_move_data(skb, (int32_t)bytes);
  skb->mac_header += bytes;
  skb->network_header += bytes;
  if (same) skb->transport_header = skb->network_header;
  return 0;
}

BPF_BODY(bpf_skb_change_proto) {
  struct sk_buff* skb = skb_of(r1);
  const uint16_t to = (uint16_t)r2;
  if (r3) return skb_error(EINVAL);
  const int grows = skb->protocol == eth_ip4() && to == eth_ip6();
  if (!grows && !(skb->protocol == eth_ip6() && to == eth_ip4())) return skb_error(kNotSupported);
  const uint32_t offset = skb_mac_header_len(skb), bytes = kIp6Bytes - kIp4Bytes;
  const int code = grows ? open_gap(skb, offset, bytes) : close_gap(skb, offset, bytes);
  if (code) return skb_error(code);
  skb->protocol = to;
  skb_clear_hash(skb);
  return 0;
}

enum {
  kFixedGso = 1 << 0,
  kEncapIp4 = 1 << 1,
  kEncapIp6 = 1 << 2,
  kEncapGre = 1 << 3,
  kEncapUdp = 1 << 4,
  kKeepCsum = 1 << 5,
  kEncapEth = 1 << 6,
  kDecapIp4 = 1 << 7,
  kDecapIp6 = 1 << 8,
  kEncapL3 = kEncapIp4 | kEncapIp6,
  kDecapL3 = kDecapIp4 | kDecapIp6,
  kInnerMacShift = 56,
  kDistanceMax = 0xfff,
};
enum { kRoomNet, kRoomMac };

static inline int encap_error(const struct sk_buff* skb, uint64_t flags, uint32_t bytes) {
  const uint32_t inner_mac = (uint32_t)(flags >> kInnerMacShift);
  if ((flags & kEncapL3) == kEncapL3 || ((flags & kEncapGre) && (flags & kEncapUdp))) return EINVAL;
  if ((flags & kEncapEth) && inner_mac < kEthBytes) return EINVAL;
  if (skb->encapsulation) return EALREADY;
  return inner_mac > bytes ? EINVAL : 0;
}

static inline int grow(struct sk_buff* skb, uint32_t offset, uint32_t bytes, uint64_t flags) {
  if (skb_is_gso(skb)) return kNotSupported;
  const int code = flags & kEncapL3 ? encap_error(skb, flags, bytes) : 0;
  if (code) return code;
  const uint32_t mac_bytes = skb_mac_header_len(skb);
  const int made = open_gap(skb, offset, bytes);
  if (made || !(flags & kEncapL3)) return made;
  skb->encapsulation = 1;
  skb->network_header = skb_headroom(skb) + mac_bytes;
  if (flags & (kEncapGre | kEncapUdp))
    skb->transport_header = skb->network_header + (flags & kEncapIp6 ? kIp6Bytes : kIp4Bytes);
  if (flags & kEncapIp6) skb->protocol = eth_ip6();
  if (flags & kEncapIp4) skb->protocol = eth_ip4();
  return 0;
}

static inline int shrink(struct sk_buff* skb, uint32_t offset, uint32_t bytes, uint64_t flags) {
  if (flags & ~(uint64_t)(kFixedGso | kDecapL3 | kKeepCsum)) return EINVAL;
  if (skb_is_gso(skb)) return kNotSupported;
  const int code = close_gap(skb, offset, bytes);
  if (code) return code;
  if (flags & kDecapIp6) skb->protocol = eth_ip6();
  if (flags & kDecapIp4) skb->protocol = eth_ip4();
  return 0;
}

BPF_BODY(bpf_skb_adjust_room) {
  struct sk_buff* skb = skb_of(r1);
  const int32_t by = (int32_t)r2;
  const int shrinks = by < 0;
  const uint32_t bytes = shrinks ? 0U - (uint32_t)by : (uint32_t)by;
  const uint64_t flags = r4;
  const uint64_t known = 0x1ff | (uint64_t)0xff << kInnerMacShift;
  if (flags & ~known) return skb_error(EINVAL);
  if (bytes > kDistanceMax) return skb_error(EFAULT);
  const int ip4 = skb->protocol == eth_ip4();
  if (!ip4 && skb->protocol != eth_ip6()) return skb_error(kNotSupported);
  const uint32_t base = ip4 ? kIp4Bytes : kIp6Bytes;
  uint32_t offset = skb_mac_header_len(skb), least = base;
  if ((uint32_t)r3 == kRoomNet)
    offset += base;
  else if ((uint32_t)r3 != kRoomMac)
    return skb_error(kNotSupported);
  if (flags & kDecapL3) {
    if (!shrinks || (flags & kDecapL3) == kDecapL3) return skb_error(EINVAL);
    least = flags & kDecapIp4 ? kIp4Bytes : kIp6Bytes;
  }
  const uint32_t behind = skb->len - (uint32_t)skb_network_offset(skb);
  if (shrinks ? bytes >= behind || behind - bytes < least : skb->len + bytes > skb->len_max && !skb_is_gso(skb))
    return skb_error(kNotSupported);
  const int code = shrinks ? shrink(skb, offset, bytes, flags) : grow(skb, offset, bytes, flags);
  if (code) return skb_error(code);
  if (flags & kKeepCsum || skb->ip_summed != SKB_CSUM_UNNECESSARY) return 0;
  skb->ip_summed = SKB_CSUM_NONE;
  skb->csum_level = 0;
  return 0;
}
