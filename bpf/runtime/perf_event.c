/* SPDX-License-Identifier: Apache-2.0 */
/* perf_event.c — bpf_perf_event_output: bytes of the program's, and of the packet, as one sample.
 *
 * Errors    EINVAL unknown flags; EFAULT more of the packet than there is; E2BIG index; ENOENT no event there;
 *           EOPNOTSUPP the event is another CPU's; ENOSPC no room: the loss is reported once there is.
 * Source    bpf-helpers(7), perf_event_open(2), the running kernel.
 */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "bpf/abi/host/perf_ring.h"
#include "bpf/runtime/runtime.h"

enum {
  PERF_RECORD_LOST = 2,
  PERF_RECORD_SAMPLE = 9,
  PERF_RECORD_BYTES_MAX = 65535, /* the size field of a record has 16 bits */
};
#define PERF_INDEX_MASK 0xffffffffull
#define PERF_CTXLEN_SHIFT 32
#define PERF_CTXLEN_MASK (0xfffffull << PERF_CTXLEN_SHIFT)

/* One body for both contexts. */
_Static_assert(offsetof(struct sk_buff, data) == offsetof(struct xdp_buff, data), "data stands at one place");
_Static_assert(offsetof(struct sk_buff, data_end) == offsetof(struct xdp_buff, data_end), "so does data_end");

struct perf_record_header {
  uint32_t type;
  uint16_t misc;
  uint16_t size;
};

static void put(struct bpf_perf_ring* ring, uint64_t* at, const void* bytes, uint64_t size) {
  uint64_t offset = *at & ring->mask;
  uint64_t first = ring->mask + 1 - offset;
  if (first > size) first = size;
  memcpy(ring->data + offset, bytes, first);
  memcpy(ring->data, (const uint8_t*)bytes + first, size - first);
  *at += size;
}

static int has_room(const struct bpf_perf_ring* ring, uint64_t bytes) {
  uint64_t used = ring->head - __atomic_load_n(ring->data_tail, __ATOMIC_ACQUIRE);
  return used <= ring->mask && ring->mask + 1 - used >= bytes;
}

static int64_t put_sample(struct bpf_env* env, struct bpf_perf_ring* ring, const void* data, uint64_t size,
                          const void* packet, uint64_t packet_size) {
  uint32_t raw_size = (uint32_t)((sizeof(uint32_t) + size + packet_size + 7) & ~7ull) - sizeof(uint32_t);
  struct perf_record_header sample = {PERF_RECORD_SAMPLE, 0, 0};
  uint64_t record = sizeof sample + sizeof raw_size + raw_size;
  struct {
    struct perf_record_header header;
    uint64_t id;
    uint64_t lost;
  } loss = {{PERF_RECORD_LOST, 0, sizeof loss}, ring->id, ring->lost};
  if (record > PERF_RECORD_BYTES_MAX) return -E2BIG;
  if (!has_room(ring, record + (ring->lost ? sizeof loss : 0))) {
    ring->lost++;
    return -ENOSPC;
  }
  uint64_t at = ring->head;
  if (ring->lost) put(ring, &at, &loss, sizeof loss);
  ring->lost = 0;
  sample.size = (uint16_t)record;
  const uint64_t zeros = 0;
  put(ring, &at, &sample, sizeof sample);
  put(ring, &at, &raw_size, sizeof raw_size);
  put(ring, &at, data, size);
  put(ring, &at, packet, packet_size);
  put(ring, &at, &zeros, raw_size - size - packet_size);
  ring->head = at;
  __atomic_store_n(ring->data_head, at, __ATOMIC_RELEASE);
  if (++ring->unwoken >= ring->wakeup_events) {
    ring->unwoken = 0;
    bpf_env_wake(env, ring->wake_fd);
  }
  return 0;
}

static inline uint64_t output(struct bpf_env* env, uint64_t map, uint64_t flags, uint64_t data, uint64_t size,
                              const void* packet, uint64_t packet_size) {
  const struct bpf_id_map* events = (const struct bpf_id_map*)(uintptr_t)map;
  uint32_t index = (uint32_t)flags == (uint32_t)PERF_INDEX_MASK ? env->cpu : (uint32_t)flags;
  if (index >= events->map.shape.max_entries) return (uint64_t)-E2BIG;
  struct bpf_perf_ring* ring =
      (struct bpf_perf_ring*)(uintptr_t)__atomic_load_n(&events->entries[index], __ATOMIC_ACQUIRE);
  if (!ring) return (uint64_t)-ENOENT;
  if (ring->cpu != env->cpu) return (uint64_t)-EOPNOTSUPP;
  return (uint64_t)put_sample(env, ring, (const void*)(uintptr_t)data, size, packet, packet_size);
}

BPF_BODY(bpf_perf_event_output) {
  const struct xdp_buff* buff = (const struct xdp_buff*)(uintptr_t)r1;
  if (r3 & ~(PERF_INDEX_MASK | PERF_CTXLEN_MASK)) return (uint64_t)-EINVAL;
  uint64_t packet_size = (r3 & PERF_CTXLEN_MASK) >> PERF_CTXLEN_SHIFT;
  if (packet_size > (uint64_t)((uint8_t*)buff->data_end - (uint8_t*)buff->data)) return (uint64_t)-EFAULT;
  return output(env, r2, r3, r4, r5, buff->data, packet_size);
}

/* Of programs whose context is no packet. */
BPF_BODY(bpf_event_output) {
  return r3 & ~PERF_INDEX_MASK ? (uint64_t)-EINVAL : output(env, r2, r3, r4, r5, "", 0);
}
