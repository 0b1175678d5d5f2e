/* SPDX-License-Identifier: Apache-2.0 */
/* xdp_burst.h — a burst of packets and what a program made of them: the argument of a compiled program's burst loop.
 *
 * Shape     the loop makes each packet's struct xdp_buff itself, out of the head of the packet's buffer, so that it can
 *           live in registers. A packet that lies in several buffers is left out: the program does not run, the verdict
 *           is XDP_ABORTED, and `segmented` counts it. The result arrays have room for `count` entries.
 * Lifetime  the caller's; the loop keeps no pointer.
 * Source    struct bpf_frame is the first cache line of DPDK's rte_mbuf, as far as the loop reads it;
 *           dataplane/xdp_hook.cc holds the two together.
 */
#pragma once

#include "bpf/abi/host/xdp_buff.h"

struct bpf_frame {
  char *buf_addr;
  uint64_t unread_iova;
  uint16_t data_off; /* of the packet's first byte in the buffer */
  uint16_t unread_refcnt;
  uint16_t nb_segs;
  uint16_t unread_port;
  uint64_t unread_flags;
  uint32_t unread_type;
  uint32_t pkt_len;
  uint16_t unread_lengths[7];
  uint16_t buf_len;
  void *unread_pool;
};

/* Where a run left its packet. */
struct xdp_borders {
  char *data_meta;
  char *data;
  char *data_end;
};

struct xdp_burst {
  struct bpf_frame *const *frames;
  uint32_t count; /* at least 1 */
  uint32_t headroom; /* bytes in front of a buffer that programs may use as well */
  uint32_t ingress_ifindex;
  uint32_t rx_queue_index;
  /* Written by the loop. */
  uint32_t *verdicts;             /* (uint32_t)r0 */
  struct bpf_redirect *redirects; /* of packets with verdict XDP_REDIRECT */
  struct xdp_borders *borders;    /* if borders_moved */
  uint32_t segmented;
  uint32_t bytes;                 /* of all packets as they came */
  uint32_t longest;               /* of the packets in one buffer as they came */
  uint32_t borders_moved;         /* 0: no run moved any border, and `borders` was not written */
  uint32_t verdicts_differ;       /* 0: all verdicts are verdicts[0] */
  uint64_t redirects_differ;      /* 0 and all verdicts XDP_REDIRECT: all redirects are redirects[0] */
};
