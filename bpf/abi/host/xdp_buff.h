/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_buff.h — a packet at the XDP hook: the host side of struct xdp_md.
 *
 * Shape     a worker fills an array of these once per burst from its mbufs; it is not copied afterwards.
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
  void *mbuf; /* owner of the buffer; programs never see it */
  struct bpf_redirect redirect;
};
