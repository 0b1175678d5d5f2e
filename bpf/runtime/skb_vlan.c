/* SPDX-License-Identifier: Apache-2.0 */
/* skb_vlan.c — VLAN tags of a struct sk_buff: the outermost one beside the bytes, further ones in them.
 *
 * Errors    as Linux: ENOMEM no room or a packet shorter than its tag; EINVAL the packet does not begin with its link
 *           header.
 */
#include "bpf/runtime/skb_tag.h"

BPF_BODY(bpf_skb_vlan_push) {
  struct sk_buff* skb = skb_of(r1);
  if (skb->vlan_present) {
    const int code = skb_insert_tag(skb);
    if (code) return skb_error(code);
  }
  const uint16_t proto = (uint16_t)r2;
  skb->vlan_proto = is_eth_vlan(proto) ? proto : net16(0x8100);
  skb->vlan_tci = (uint16_t)r3;
  skb->vlan_present = 1;
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
    const int code = skb_remove_tag(skb, &tci);
    if (code) return skb_error(code);
  }
  if (!is_eth_vlan(skb->protocol)) return 0;
  const uint16_t proto = skb->protocol;
  const int code = skb_remove_tag(skb, &tci);
  if (code) return skb_error(code);
  skb->vlan_proto = proto;
  skb->vlan_tci = tci;
  skb->vlan_present = 1;
  return 0;
}
