/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_buff.h — a packet at the XDP hook: the host side of struct xdp_md.
 *
 * Shape     one per run of a program; see xdp_burst.h for where it comes from.
 *           data_hard_start <= data_meta <= data <= data_end <= data_hard_start + frame_sz.
 *           Without metadata data_meta == data.
 */
#pragma once

#include "bpf/abi/host/env.h"

struct xdp_buff {
  void *data;
  void *data_end;
  void *data_meta;
  void *data_hard_start;
  uint32_t frame_sz; /* bytes from data_hard_start to the end of the buffer */
  uint32_t ingress_ifindex;
  uint32_t rx_queue_index;
  uint32_t egress_ifindex;
};
