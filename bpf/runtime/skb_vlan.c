/* SPDX-License-Identifier: Apache-2.0 */
/* skb_vlan.c — VLAN tags of a struct sk_buff: the outermost one beside the bytes, further ones in them.
 *
 * Errors    as Linux: ENOMEM no room or a packet shorter than its tag; EINVAL the packet does not begin with its link
 *           header.
 */
#include "bpf/runtime/skb.h"

enum { kAddresses = 12 }; /* bytes in front of the tag */

static inline int begins_with_link(const struct sk_buff* skb) {
  return skb->mac_header == skb_headroom(skb);
}

/* The tag beside the bytes goes into them. */
static inline int insert_tag(struct sk_buff* skb) {
  if (!begins_with_link(skb)) return EINVAL;
  const int code = skb_make_headroom(skb, kVlanBytes);
  if (code) return code;
  skb_move_data(skb, -kVlanBytes);
  skb->mac_header -= kVlanBytes;
  uint8_t* const data = skb_data(skb);
  memmove(data, data + kVlanBytes, kAddresses);
  const uint16_t tci = net16(skb->vlan_tci);
  memcpy(data + kAddresses, &skb->vlan_proto, 2);
  memcpy(data + kAddresses + 2, &tci, 2);
  skb->protocol = skb->vlan_proto;
  skb->network_header -= kVlanBytes; /* what follows the link addresses and a type: the tag */
  skb_csum_add(skb, data + kAddresses, kVlanBytes, 0);
  return 0;
}

BPF_BODY(bpf_skb_vlan_push) {
  struct sk_buff* skb = skb_of(r1);
  if (skb->vlan_present) {
    const int code = insert_tag(skb);
    if (code) return skb_error(code);
  }
  const uint16_t proto = (uint16_t)r2;
  skb->vlan_proto = is_eth_vlan(proto) ? proto : net16(0x8100);
  skb->vlan_tci = (uint16_t)r3;
  skb->vlan_present = 1;
  return 0;
}

/* The ethertype, or what stands for it: below 0x600 it is a length, 802.2 follows, or raw 802.3 with all ones. */
static inline uint16_t encapsulated_proto(const uint8_t* tag) {
  uint16_t proto, first;
  memcpy(&proto, tag + 2, 2);
  if (net16(proto) >= 0x600) return proto;
  memcpy(&first, tag + 4, 2);
  return net16(first == 0xffff ? 0x0001 : 0x0004);
}

/* Takes the tag out of the bytes. */
static inline int remove_tag(struct sk_buff* skb, uint16_t* tci) {
  if (!begins_with_link(skb)) return EINVAL;
  if (!skb_holds(skb, 0, kEthBytes + kVlanBytes)) return ENOMEM;
  uint8_t* const data = skb_data(skb);
  skb_csum_sub(skb, data + kAddresses, kVlanBytes, 0);
  memcpy(tci, data + kEthBytes, 2);
  *tci = net16(*tci);
  skb->protocol = encapsulated_proto(data + kEthBytes);
  memmove(data + kVlanBytes, data, kAddresses);
  skb_move_data(skb, kVlanBytes);
  skb->mac_header += kVlanBytes;
  if (skb_network_offset(skb) < kEthBytes) skb->network_header = skb_headroom(skb) + kEthBytes;
  skb->mac_len = (uint16_t)skb_mac_header_len(skb);
  return 0;
}

BPF_BODY(bpf_skb_vlan_pop) {
  struct sk_buff* skb = skb_of(r1);
  uint16_t tci;
  if (skb->vlan_present) {
    skb->vlan_present = 0;
    skb->vlan_tci = 0;
    skb->vlan_proto = 0;
  } else {
    if (!is_eth_vlan(skb->protocol)) return 0;
    const int code = remove_tag(skb, &tci);
    if (code) return skb_error(code);
  }
  if (!is_eth_vlan(skb->protocol)) return 0;
  const uint16_t proto = skb->protocol;
  const int code = remove_tag(skb, &tci);
  if (code) return skb_error(code);
  skb->vlan_proto = proto;
  skb->vlan_tci = tci;
  skb->vlan_present = 1;
  return 0;
}
