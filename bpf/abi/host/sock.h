/* SPDX-License-Identifier: Apache-2.0 */
/* sock.h — an endpoint as programs see it: struct bpf_sock of the UAPI, byte for byte, then what is ours.
 *
 * Shape     loads through a pointer to a socket are not rewritten: they find the UAPI's fields at the UAPI's places.
 * Threads   fields that change while the endpoint is shared are written by its owner alone.
 */
#pragma once

#ifdef __cplusplus
#include <cstdint>
#else
#include <stdint.h>
#endif

struct sock {
  uint32_t bound_dev_if;
  uint32_t family;
  uint32_t type;
  uint32_t protocol;
  uint32_t mark;
  uint32_t priority;
  uint32_t src_ip4; /* network order */
  uint32_t src_ip6[4];
  uint32_t src_port; /* host order */
  uint16_t dst_port; /* network order */
  uint16_t zero;
  uint32_t dst_ip4;
  uint32_t dst_ip6[4];
  uint32_t state;
  int32_t rx_queue_mapping;

  uint32_t remote_port; /* dst_port as __sk_buff shows it: in the upper half */
  uint32_t uid;
  uint64_t cookie;
};
