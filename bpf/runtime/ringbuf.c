/* SPDX-License-Identifier: Apache-2.0 */
/* ringbuf.c — the producers' side of BPF_MAP_TYPE_RINGBUF: reserve, submit, discard, output, query.
 *
 * Cost      reserve: 2 locked operations; submit: 1; a wake-up is one per sleeping consumer and burst.
 * Source    bpf-helpers(7), Documentation/bpf/ringbuf; the running kernel for flags and limits.
 */
#include "bpf/abi/host/ringbuf.h"

#include <errno.h>
#include <string.h>

#include "bpf/runtime/runtime.h"

enum {
  RB_NO_WAKEUP = 1,
  RB_FORCE_WAKEUP = 2,
  RB_HEADER_BYTES = 8,
  RB_SIZE_MAX = 0x3fffffff,
  RB_PAGE_SHIFT = 12,
};
#define RB_BUSY (1u << 31)
#define RB_DISCARD (1u << 30)

enum { RB_AVAIL_DATA, RB_RING_SIZE, RB_CONS_POS, RB_PROD_POS };

static uint64_t record_bytes(uint64_t size) {
  return (size + RB_HEADER_BYTES + 7) & ~7ull;
}

static struct bpf_ringbuf_record* record_at(struct bpf_ringbuf* ring, uint64_t pos) {
  return (struct bpf_ringbuf_record*)(ring->data + (pos & ring->mask));
}

static uint64_t* written_word(struct bpf_ringbuf* ring, uint64_t pos) {
  return &ring->written[(pos & ring->mask) / 512];
}
static uint64_t written_bit(uint64_t pos) {
  return 1ull << (pos / 8 % 64);
}
/* Whoever takes the mark of the header at published_pos moves the position on. */
static int take_mark(struct bpf_ringbuf* ring, uint64_t pos) {
  uint64_t bit = written_bit(pos);
  if (!(__atomic_load_n(written_word(ring, pos), __ATOMIC_ACQUIRE) & bit)) return 0;
  return (__atomic_fetch_and(written_word(ring, pos), ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

static void publish(struct bpf_ringbuf* ring, uint64_t pos, uint64_t end) {
  if (__atomic_load_n(&ring->published_pos, __ATOMIC_ACQUIRE) != pos) {
    __atomic_fetch_or(written_word(ring, pos), written_bit(pos), __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&ring->published_pos, __ATOMIC_SEQ_CST) != pos || !take_mark(ring, pos)) return;
  }
  for (;;) {
    __atomic_store_n(ring->producer_pos, end, __ATOMIC_RELEASE);
    __atomic_exchange_n(&ring->published_pos, end, __ATOMIC_SEQ_CST);
    if (!take_mark(ring, end)) return;
    uint32_t length = __atomic_load_n(&record_at(ring, end)->length, __ATOMIC_RELAXED) & RB_SIZE_MAX;
    uint64_t limit = __atomic_load_n(&ring->reserved_pos, __ATOMIC_RELAXED);
    uint64_t next = end + record_bytes(length);
    end = next < limit ? next : limit; /* a length that a client has written ends here */
  }
}

static void* reserve(struct bpf_ringbuf* ring, uint64_t size) {
  if (size > RB_SIZE_MAX) return NULL;
  uint64_t bytes = record_bytes(size);
  uint64_t pos = __atomic_load_n(&ring->reserved_pos, __ATOMIC_RELAXED);
  do {
    uint64_t consumer = __atomic_load_n(ring->consumer_pos, __ATOMIC_ACQUIRE);
    /* Never to the brim: equal positions mean empty. */
    if (bytes > ring->mask || pos + bytes - consumer > ring->mask) return NULL;
  } while (!__atomic_compare_exchange_n(&ring->reserved_pos, &pos, pos + bytes, 1, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
  struct bpf_ringbuf_record* record = record_at(ring, pos);
  __atomic_store_n(&record->page, (uint32_t)((((pos & ring->mask) >> RB_PAGE_SHIFT)) + 3), __ATOMIC_RELAXED);
  __atomic_store_n(&record->length, (uint32_t)size | RB_BUSY, __ATOMIC_RELEASE);
  publish(ring, pos, pos + bytes);
  return record + 1;
}

/* What lies in the spill goes to the beginning of the data too. */
static void copy_spill(struct bpf_ringbuf* ring, uint64_t offset, uint64_t length) {
  uint64_t size = ring->mask + 1;
  uint64_t end = offset + RB_HEADER_BYTES + length;
  if (end <= size) return;
  uint64_t spilled = end - size < size ? end - size : size;
  memcpy(ring->data, ring->data + size, spilled);
}

static void commit(struct bpf_env* env, void* sample, uint64_t flags, uint32_t discard) {
  struct bpf_ringbuf* ring = *(struct bpf_ringbuf**)((uintptr_t)sample & ~(BPF_RINGBUF_SPAN - 1));
  struct bpf_ringbuf_record* record = (struct bpf_ringbuf_record*)sample - 1;
  uint64_t offset = (uint64_t)((uint8_t*)record - ring->data);
  uint32_t length = __atomic_load_n(&record->length, __ATOMIC_RELAXED) & RB_SIZE_MAX;
  if (!discard) copy_spill(ring, offset, length);
  /* The consumer's position is read behind the exchange: it either sees this record, or has stopped before it. */
  __atomic_exchange_n(&record->length, length | discard, __ATOMIC_SEQ_CST);
  uint64_t consumer = __atomic_load_n(ring->consumer_pos, __ATOMIC_SEQ_CST) & ring->mask;
  if (flags & RB_FORCE_WAKEUP || (consumer == offset && !(flags & RB_NO_WAKEUP))) bpf_env_wake(env, ring->wake_fd);
}

#define RING(r) ((struct bpf_ringbuf*)(uintptr_t)(r))

BPF_BODY(bpf_ringbuf_reserve) {
  return r3 ? 0 : (uintptr_t)reserve(RING(r1), r2);
}

BPF_BODY(bpf_ringbuf_submit) {
  commit(env, (void*)(uintptr_t)r1, r2, 0);
  return 0;
}

BPF_BODY(bpf_ringbuf_discard) {
  commit(env, (void*)(uintptr_t)r1, r2, RB_DISCARD);
  return 0;
}

BPF_BODY(bpf_ringbuf_output) {
  if (r4 & ~(uint64_t)(RB_NO_WAKEUP | RB_FORCE_WAKEUP)) return (uint64_t)-EINVAL;
  void* sample = reserve(RING(r1), r3);
  if (!sample) return (uint64_t)-EAGAIN;
  memcpy(sample, (const void*)(uintptr_t)r2, r3);
  commit(env, sample, r4, 0);
  return 0;
}

BPF_BODY(bpf_ringbuf_query) {
  struct bpf_ringbuf* ring = RING(r1);
  uint64_t consumer = __atomic_load_n(ring->consumer_pos, __ATOMIC_ACQUIRE);
  uint64_t producer = __atomic_load_n(&ring->published_pos, __ATOMIC_ACQUIRE);
  switch (r2) {
    case RB_AVAIL_DATA:
      return producer - consumer;
    case RB_RING_SIZE:
      return ring->mask + 1;
    case RB_CONS_POS:
      return consumer;
    case RB_PROD_POS:
      return producer;
    default:
      return 0;
  }
}
