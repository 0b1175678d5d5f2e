/* SPDX-License-Identifier: Apache-2.0 */
/* sk_buff.h — a packet beyond XDP: the host side of struct __sk_buff.
 *
 * Shape     head <= data_meta <= data <= data_end <= end; all bytes lie between data and data_end, len of them.
 *           Headers are distances from head: SKB_NO_HEADER where nobody has set one. The first line is what most
 *           programs touch. data, data_end, data_meta stand where struct xdp_buff has them.
 * Threads   owned by the thread that runs the program.
 */
#pragma once

#include "bpf/abi/host/env.h"
#include "bpf/abi/host/sock.h"

enum { SKB_NO_HEADER = 0xffffffff };

/* What is known of the packet's checksum; the words of Linux. */
enum {
  SKB_CSUM_NONE,
  SKB_CSUM_UNNECESSARY, /* csum_level + 1 of them were checked */
  SKB_CSUM_COMPLETE,    /* csum is the sum over everything behind the link header */
};

struct sk_buff {
  void *data;
  void *data_end;
  void *data_meta;
  uint32_t len;
  uint32_t mark;
  uint32_t priority;
  uint32_t hash;
  uint32_t ingress_ifindex;
  uint32_t ifindex;
  uint16_t protocol; /* network order */
  uint16_t vlan_tci;
  uint16_t vlan_proto; /* network order */
  uint16_t queue_mapping;
  uint16_t tc_index;
  uint16_t tc_classid;
  uint8_t pkt_type;
  uint8_t tstamp_type;
  uint8_t hash_known;   /* 0: `hash` is to be computed from the headers */

  uint64_t tstamp;
  void *head;
  void *end;
  struct sock *sk;
  uint32_t cb[5];
  uint32_t wire_len;
  uint64_t hwtstamp;

  uint32_t vlan_present; /* 0 or 1: a tag outside the bytes */
  uint32_t napi_id;
  uint32_t mac_header;
  uint32_t network_header;
  uint32_t transport_header;
  uint32_t csum;
  uint16_t mac_len;
  uint16_t gso_size; /* 0: not a packet to be cut */
  uint16_t gso_segs;
  uint16_t gso_type; /* SKB_GSO_*: of the segments, 0 where nothing says */
  uint8_t ip_summed; /* SKB_CSUM_* */
  uint8_t csum_level;
  uint8_t encapsulation; /* headers were pushed in front of these by bpf_skb_adjust_room */
  uint8_t inner_protocol_set;
  uint32_t len_max;  /* that helpers may make it */
};
