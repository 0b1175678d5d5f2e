/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_flow_dissector.h — what a program that takes a packet apart sees: the host side of its struct __sk_buff.
 *
 * Shape     the keys are the UAPI's struct bpf_flow_keys: loads and stores through the pointer are not rewritten.
 * Threads   owned by the thread that runs the program.
 */
#pragma once

#ifdef __cplusplus
#include <cstdint>
#else
#include <stdint.h>
#endif

struct bpf_flow_keys {
  uint16_t nhoff;
  uint16_t thoff;
  uint16_t addr_proto;
  uint8_t is_frag;
  uint8_t is_first_frag;
  uint8_t is_encap;
  uint8_t ip_proto;
  uint16_t n_proto; /* this and all below but the flags in network order */
  uint16_t sport;
  uint16_t dport;
  uint32_t src[4]; /* IPv4: src[0] and src[1], the destination */
  uint32_t dst[4];
  uint32_t flags;
  uint32_t flow_label;
};

struct bpf_flow_dissector {
  struct bpf_flow_keys *flow_keys;
  const void *data; /* the link header */
  const void *data_end;
};
