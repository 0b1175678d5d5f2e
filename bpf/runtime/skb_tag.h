/* SPDX-License-Identifier: Apache-2.0 */
/* skb_tag.h — the outermost VLAN tag of a struct sk_buff on its way into the bytes and out of them.
 *
 * Errors    an errno: EINVAL the packet does not begin with its link header; ENOMEM no room, or shorter than its tag.
 */
#pragma once

#include "bpf/runtime/skb.h"

enum { kEthAddresses = 12 }; /* bytes in front of the tag */

static inline int skb_begins_with_link(const struct sk_buff* skb) {
  return skb->mac_header == skb_headroom(skb);
}

/* The tag beside the bytes goes into them. */
static inline int skb_insert_tag(struct sk_buff* skb) {
  if (!skb_begins_with_link(skb)) return EINVAL;
  const int code = skb_make_headroom(skb, kVlanBytes);
  if (code) return code;
  skb_move_data(skb, -kVlanBytes);
  skb->mac_header -= kVlanBytes;
  uint8_t* const data = skb_data(skb);
  memmove(data, data + kVlanBytes, kEthAddresses);
  const uint16_t tci = net16(skb->vlan_tci);
  memcpy(data + kEthAddresses, &skb->vlan_proto, 2);
  memcpy(data + kEthAddresses + 2, &tci, 2);
  skb->protocol = skb->vlan_proto;
  skb->network_header -= kVlanBytes; /* what follows the link addresses and a type: the tag */
  skb_csum_add(skb, data + kEthAddresses, kVlanBytes, 0);
  return 0;
}

/* The ethertype, or what stands for it: below 0x600 it is a length, 802.2 follows, or raw 802.3 with all ones. */
static inline uint16_t skb_tagged_protocol(const uint8_t* tag) {
  uint16_t proto, first;
  memcpy(&proto, tag + 2, 2);
  if (net16(proto) >= 0x600) return proto;
  memcpy(&first, tag + 4, 2);
  return net16(first == 0xffff ? 0x0001 : 0x0004);
}

/* Takes the tag out of the bytes; what XDP left in front of the packet stays in front of it. */
static inline int skb_remove_tag(struct sk_buff* skb, uint16_t* tci) {
  if (!skb_begins_with_link(skb)) return EINVAL;
  if (!skb_holds(skb, 0, kEthBytes + kVlanBytes)) return ENOMEM;
  uint8_t* const data = skb_data(skb);
  skb_csum_sub(skb, data + kEthAddresses, kVlanBytes, 0);
  memcpy(tci, data + kEthBytes, 2);
  *tci = net16(*tci);
  skb->protocol = skb_tagged_protocol(data + kEthBytes);
  uint8_t* const meta = (uint8_t*)skb->data_meta;
  memmove(meta + kVlanBytes, meta, (size_t)(data - meta) + kEthAddresses);
  skb_move_data(skb, kVlanBytes);
  skb->mac_header += kVlanBytes;
  if (skb_network_offset(skb) < kEthBytes) skb->network_header = skb_headroom(skb) + kEthBytes;
  skb->mac_len = (uint16_t)skb_mac_header_len(skb);
  return 0;
}
