/* SPDX-License-Identifier: Apache-2.0 */
/* perf_ring.h — the buffer behind an entry of BPF_MAP_TYPE_PERF_EVENT_ARRAY, laid out as perf_event_open(2) has it.
 *
 *   | struct perf_event_mmap_page, a page | data: a power of two of pages |          a memfd: what a client maps
 *   record   {type 32, misc 16, size 16}, then what its type says; 8-byte aligned; it may go on at the beginning
 *            PERF_RECORD_SAMPLE with PERF_SAMPLE_RAW: {size 32, bytes}; PERF_RECORD_LOST: {id 64, lost 64}
 *
 * Threads   one producer, the BPF CPU the ring belongs to; one consumer, who moves data_tail.
 * Trust     clients can write the memfd: the producer's own position is private, and data_tail only decides whether
 *           there is room.
 */
#pragma once

#include "bpf/abi/host/bpf_map.h"

#ifdef __cplusplus
extern "C" {
#endif

struct bpf_perf_ring {
  uint8_t *data;
  uint64_t mask;       /* bytes of data - 1 */
  uint64_t *data_head; /* in the memfd */
  const uint64_t *data_tail;
  uint64_t head;       /* the producer's own */
  uint64_t lost;       /* samples since the last record about lost ones */
  uint64_t id;         /* of the event, in that record */
  uint32_t cpu;
  int32_t wake_fd;     /* an eventfd */
  uint32_t wakeup_events; /* samples between two wake-ups; 0 counts as 1 */
  uint32_t unwoken;
};

#ifdef __cplusplus
} /* extern "C" */
#endif
