/* SPDX-License-Identifier: Apache-2.0 */
/* skb.h — what the helpers on a struct sk_buff share: its borders, its headers, its checksum.
 *
 * Shape     all bytes of a packet are in one buffer. Where the room in front is too short, the packet moves towards the
 *           end of its buffer; a buffer that is too short as a whole is ENOMEM.
 * Source    answers and errors: the running Linux 6.18 (tests/oracle/skb_oracle.cc asks it again).
 */
#pragma once

#include <errno.h>
#include <string.h>

#include "bpf/runtime/csum.h"
#include "bpf/runtime/runtime.h"

enum {
  kEthBytes = 14,
  kVlanBytes = 4,
  kIp4Bytes = 20,
  kIp6Bytes = 40,
  kOffsetMax = 0xffff,
  kNotSupported = 524, /* ENOTSUPP: Linux's own, libc does not know it */
};

static inline struct sk_buff* skb_of(uint64_t r) {
  return (struct sk_buff*)(uintptr_t)r;
}
static inline uint64_t skb_error(int code) {
  return (uint64_t)(int64_t)-code;
}
static inline uint16_t net16(uint16_t v) {
  return __builtin_bswap16(v);
}

/* Ethertypes in network order. */
static inline uint16_t eth_ip4(void) {
  return net16(0x0800);
}
static inline uint16_t eth_ip6(void) {
  return net16(0x86dd);
}
static inline int is_eth_vlan(uint16_t proto) {
  return proto == net16(0x8100) || proto == net16(0x88a8);
}

static inline uint8_t* skb_data(const struct sk_buff* skb) {
  return (uint8_t*)skb->data;
}
static inline uint8_t* skb_head(const struct sk_buff* skb) {
  return (uint8_t*)skb->head;
}
static inline uint32_t skb_headroom(const struct sk_buff* skb) {
  return (uint32_t)(skb_data(skb) - skb_head(skb));
}
/* Distance of the network header from the first byte: negative where a program pulled it away. */
static inline int32_t skb_network_offset(const struct sk_buff* skb) {
  return (int32_t)(skb->network_header - skb_headroom(skb));
}
static inline uint32_t skb_mac_header_len(const struct sk_buff* skb) {
  return skb->network_header - skb->mac_header;
}
static inline int skb_is_gso(const struct sk_buff* skb) {
  return skb->gso_size != 0;
}
/* Are there `bytes` at `offset`? */
static inline int skb_holds(const struct sk_buff* skb, uint32_t offset, uint32_t bytes) {
  return (uint64_t)offset + bytes <= skb->len;
}

static inline void skb_clear_hash(struct sk_buff* skb) {
  skb->hash = 0;
  skb->hash_known = 0;
}

/* The sum over the packet follows bytes that come or go `offset` bytes into it. */
static inline void skb_csum_sub(struct sk_buff* skb, const void* bytes, uint32_t count, uint32_t offset) {
  if (skb->ip_summed == SKB_CSUM_COMPLETE) skb->csum = csum_block_sub(skb->csum, csum_bytes(bytes, count), offset);
}
static inline void skb_csum_add(struct sk_buff* skb, const void* bytes, uint32_t count, uint32_t offset) {
  if (skb->ip_summed == SKB_CSUM_COMPLETE) skb->csum = csum_block_add(skb->csum, csum_bytes(bytes, count), offset);
}

/* Both move the beginning of the packet; headers stay where they are. */
static inline void skb_move_data(struct sk_buff* skb, int32_t by) {
  skb->data = (char*)skb->data + by;
  skb->data_meta = (char*)skb->data_meta + by;
  skb->len -= (uint32_t)by;
}

static inline uint32_t skb_moved_header(uint32_t header, uint32_t by) {
  return header == SKB_NO_HEADER ? header : header + by;
}

/* 0, or an errno. */
static inline int skb_make_headroom(struct sk_buff* skb, uint32_t bytes) {
  const uint32_t room = skb_headroom(skb) - (uint32_t)((char*)skb->data - (char*)skb->data_meta);
  if (room >= bytes) return 0;
  const uint32_t by = bytes - room;
  if ((uint64_t)((char*)skb->end - (char*)skb->data_end) < by) return ENOMEM;
  char* const first = (char*)skb->data_meta;
  memmove(first + by, first, (size_t)((char*)skb->data_end - first));
  skb->data = (char*)skb->data + by;
  skb->data_end = (char*)skb->data_end + by;
  skb->data_meta = (char*)skb->data_meta + by;
  skb->mac_header = skb_moved_header(skb->mac_header, by);
  skb->network_header = skb_moved_header(skb->network_header, by);
  skb->transport_header = skb_moved_header(skb->transport_header, by);
  return 0;
}
