/* SPDX-License-Identifier: Apache-2.0 */
/* ringbuf.h — BPF_MAP_TYPE_RINGBUF as running code sees it.
 *
 *   at a multiple of BPF_RINGBUF_SPAN
 *   | struct bpf_ringbuf * | consumer position | producer position | data: max_entries bytes | its spill |
 *   | a page, private      | a page            | a page            | a memfd from here on: what clients map    |
 *   record   {length 32: busy bit 31, discard bit 30 | page 32}, then its bytes, 8-byte aligned
 *
 * Shape     a record begins inside the data and may end in the spill behind it, which is as long; its end is copied to
 *           the beginning of the data as well, so both readers that map the area twice and readers that map it once
 *           find it whole. From any address in a record the ring is found through the page at the span's beginning.
 * Threads   producers: any CPU, lock-free. Positions grow; order of reservation is order of consumption:
 *             reserved_pos   up to here space is given out (compare-and-swap)
 *             published_pos  up to here headers are written; whoever writes the header at published_pos moves it on,
 *                            over others that are written already (`written`), and shows it to the consumer
 * Trust     clients can write the memfd: nothing in it leads to memory outside of the ring. What they do to positions
 *           and headers, they do to each other's records.
 */
#pragma once

#include "bpf/abi/host/bpf_map.h"

#ifdef __cplusplus
extern "C" {
#endif

#define BPF_RINGBUF_SPAN (1ull << 33) /* two times the largest ring, and the pages before it */

struct bpf_ringbuf {
  struct bpf_map map;
  uint64_t mask; /* max_entries - 1 */
  uint8_t *data;
  const uint64_t *consumer_pos;
  uint64_t *producer_pos;
  uint64_t *written; /* a bit for every 8 bytes of data: the header there is written and not published yet */
  int32_t wake_fd;   /* an eventfd */
  uint64_t reserved_pos __attribute__((aligned(64)));
  uint64_t published_pos __attribute__((aligned(64)));
};

struct bpf_ringbuf_record {
  uint32_t length;
  uint32_t page; /* from the ring's beginning, as Linux has it */
};

#ifdef __cplusplus
} /* extern "C" */
#endif
