/* SPDX-License-Identifier: Apache-2.0 */
/* skb_csum.c — mending checksums in the headers of a struct sk_buff when what they cover changes (RFC 1624).
 *
 * Errors    as Linux: EINVAL unknown flags or size; EFAULT a checksum at an odd place or outside the packet.
 */
#include "bpf/runtime/skb.h"

enum {
  kFieldSize = 0xf, /* 0: the difference itself is given */
  kPseudoHeader = 0x10,
  kMangledZero = 0x20,
  kEnforce = 0x40,
  kIp6Flag = 0x80,
};

static inline uint16_t read16(const uint8_t* p) {
  uint16_t v;
  memcpy(&v, p, 2);
  return v;
}
static inline void write16(uint8_t* p, uint16_t v) {
  memcpy(p, &v, 2);
}

static inline uint16_t replaced_by_diff(uint16_t sum, uint32_t diff) {
  return csum_fold(csum_add(diff, ~(uint32_t)sum));
}
static inline uint16_t replaced4(uint16_t sum, uint32_t from, uint32_t to) {
  return csum_fold(csum_add(csum_sub(~(uint32_t)sum, from), to));
}
static inline uint16_t replaced2(uint16_t sum, uint16_t from, uint16_t to) {
  return (uint16_t)~csum_add16(csum_add16((uint16_t)~sum, (uint16_t)~from), to);
}

static inline int place_error(const struct sk_buff* skb, uint32_t offset) {
  return offset > kOffsetMax || offset & 1 || !skb_holds(skb, offset, 2);
}

BPF_BODY(bpf_l3_csum_replace) {
  struct sk_buff* skb = skb_of(r1);
  const uint32_t offset = (uint32_t)r2;
  if (r5 & ~(uint64_t)kFieldSize) return skb_error(EINVAL);
  if (place_error(skb, offset)) return skb_error(EFAULT);
  uint8_t* const at = skb_data(skb) + offset;
  const uint16_t sum = read16(at);
  switch (r5) {
    case 0:
      if (r3 != 0) return skb_error(EINVAL);
      write16(at, replaced_by_diff(sum, (uint32_t)r4));
      return 0;
    case 2:
      write16(at, replaced2(sum, (uint16_t)r3, (uint16_t)r4));
      return 0;
    case 4:
      write16(at, replaced4(sum, (uint32_t)r3, (uint32_t)r4));
      return 0;
    default:
      return skb_error(EINVAL);
  }
}

static inline void replace_proto4(struct sk_buff* skb, uint8_t* at, uint32_t from, uint32_t to, int pseudo) {
  write16(at, replaced4(read16(at), from, to));
  if (skb->ip_summed == SKB_CSUM_COMPLETE && pseudo) skb->csum = ~csum_add(csum_sub(~skb->csum, from), to);
}

static inline void replace_proto_diff(struct sk_buff* skb, uint8_t* at, uint32_t diff, int pseudo, int ip6) {
  write16(at, replaced_by_diff(read16(at), diff));
  if (skb->ip_summed == SKB_CSUM_COMPLETE && pseudo && !ip6) skb->csum = ~csum_sub(diff, skb->csum);
}

BPF_BODY(bpf_l4_csum_replace) {
  struct sk_buff* skb = skb_of(r1);
  const uint32_t offset = (uint32_t)r2;
  const int pseudo = (r5 & kPseudoHeader) != 0, mangled = (r5 & kMangledZero) != 0;
  if (r5 & ~(uint64_t)(kFieldSize | kPseudoHeader | kMangledZero | kEnforce | kIp6Flag)) return skb_error(EINVAL);
  if (place_error(skb, offset)) return skb_error(EFAULT);
  uint8_t* const at = skb_data(skb) + offset;
  if (mangled && !(r5 & kEnforce) && read16(at) == 0) return 0; /* UDP without a checksum keeps none */
  switch (r5 & kFieldSize) {
    case 0:
      if (r3 != 0) return skb_error(EINVAL);
      replace_proto_diff(skb, at, (uint32_t)r4, pseudo, (r5 & kIp6Flag) != 0);
      break;
    case 2:
      replace_proto4(skb, at, (uint16_t)r3, (uint16_t)r4, pseudo);
      break;
    case 4:
      replace_proto4(skb, at, (uint32_t)r3, (uint32_t)r4, pseudo);
      break;
    default:
      return skb_error(EINVAL);
  }
  if (mangled && read16(at) == 0) write16(at, 0xffff);
  return 0;
}

BPF_BODY(bpf_csum_update) {
  struct sk_buff* skb = skb_of(r1);
  if (skb->ip_summed != SKB_CSUM_COMPLETE) return skb_error(kNotSupported);
  return skb->csum = csum_add(skb->csum, (uint32_t)r2);
}

BPF_BODY(bpf_csum_level) {
  enum { kQuery, kIncrement, kDecrement, kReset, kLevelMax = 3 };
  struct sk_buff* skb = skb_of(r1);
  const int checked = skb->ip_summed == SKB_CSUM_UNNECESSARY;
  switch (r2) {
    case kQuery:
      return checked ? skb->csum_level : skb_error(EACCES);
    case kIncrement:
      if (checked) {
        if (skb->csum_level < kLevelMax) ++skb->csum_level;
      } else if (skb->ip_summed == SKB_CSUM_NONE) {
        skb->ip_summed = SKB_CSUM_UNNECESSARY;
        skb->csum_level = 0;
      }
      return 0;
    case kDecrement:
      if (!checked) return 0;
      if (skb->csum_level == 0)
        skb->ip_summed = SKB_CSUM_NONE;
      else
        --skb->csum_level;
      return 0;
    case kReset:
      if (checked) {
        skb->ip_summed = SKB_CSUM_NONE;
        skb->csum_level = 0;
      }
      return 0;
    default:
      return skb_error(EINVAL);
  }
}
