/* SPDX-License-Identifier: Apache-2.0 */
/* bpf_sk_lookup.h — the search for a packet's endpoint: struct bpf_sk_lookup of the UAPI, byte for byte, then ours.
 *
 * Shape     addresses of the family that is not the packet's are zero.
 * Threads   owned by the thread that runs the program.
 */
#pragma once

#include "bpf/abi/host/sock.h"

struct bpf_sk_lookup_kern {
  struct sock *sk; /* chosen by the program */
  uint32_t family;
  uint32_t protocol;
  uint32_t remote_ip4;
  uint32_t remote_ip6[4];
  uint16_t remote_port; /* network order */
  uint16_t zero;
  uint32_t local_ip4;
  uint32_t local_ip6[4];
  uint32_t local_port; /* host order */
  uint32_t ingress_ifindex;

  uint32_t no_reuseport; /* the chosen one is not asked for others of its group */
};
