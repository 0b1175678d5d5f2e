/* SPDX-License-Identifier: Apache-2.0 */
/* xdp.c — helpers on a struct xdp_buff: moving its borders, reading and writing its bytes, redirecting it.
 *
 * Shape     data_hard_start <= data_meta <= data <= data_end <= data_hard_start + frame_sz. All of the room between the
 *           outer two belongs to the program: whoever makes the frame keeps what it needs for itself outside.
 * Errors    as Linux: EINVAL border outside the room or packet shorter than an Ethernet header; EACCES metadata not a
 *           multiple of 4 or too long; EFAULT offset or length above 0xffff.
 */
#include <errno.h>
#include <string.h>

#include "bpf/runtime/runtime.h"

enum {
  kEthHeader = 14, /* no packet may become shorter */
  kMetaMax = 252,  /* bytes of metadata: what fits a byte, in multiples of 4 */
  kByteAccessMax = 0xffff,
  kXdpAborted = 0,
};

static inline struct xdp_buff* buff(uint64_t r) {
  return (struct xdp_buff*)(uintptr_t)r;
}
static inline uint64_t error(int code) {
  return (uint64_t)(int64_t)-code;
}
/* Borders are compared as numbers: an offset may point far outside the buffer. */
static inline uintptr_t at(const void* p, int32_t offset) {
  return (uintptr_t)p + (uintptr_t)(intptr_t)offset;
}

BPF_BODY(bpf_xdp_adjust_head) {
  struct xdp_buff* xdp = buff(r1);
  const int32_t offset = (int32_t)r2;
  const uintptr_t meta_bytes = (uintptr_t)xdp->data - (uintptr_t)xdp->data_meta;
  const uintptr_t data = at(xdp->data, offset);
  if (data < (uintptr_t)xdp->data_hard_start + meta_bytes || data > (uintptr_t)xdp->data_end - kEthHeader)
    return error(EINVAL);
  /* Metadata stays in front of the packet. */
  if (meta_bytes) memmove((char*)xdp->data_meta + offset, xdp->data_meta, meta_bytes);
  xdp->data_meta = (char*)xdp->data_meta + offset;
  xdp->data = (char*)xdp->data + offset;
  return 0;
}

BPF_BODY(bpf_xdp_adjust_tail) {
  struct xdp_buff* xdp = buff(r1);
  const int32_t offset = (int32_t)r2;
  const uintptr_t end = at(xdp->data_end, offset);
  if (end > (uintptr_t)xdp->data_hard_start + xdp->frame_sz || end < (uintptr_t)xdp->data + kEthHeader)
    return error(EINVAL);
  /* Grown bytes must not show what the buffer held before. */
  if (offset > 0) memset(xdp->data_end, 0, (size_t)offset);
  xdp->data_end = (char*)xdp->data_end + offset;
  return 0;
}

BPF_BODY(bpf_xdp_adjust_meta) {
  struct xdp_buff* xdp = buff(r1);
  const uintptr_t meta = at(xdp->data_meta, (int32_t)r2);
  if (meta < (uintptr_t)xdp->data_hard_start || meta > (uintptr_t)xdp->data) return error(EINVAL);
  const uintptr_t meta_bytes = (uintptr_t)xdp->data - meta;
  if (meta_bytes % 4 != 0 || meta_bytes > kMetaMax) return error(EACCES);
  xdp->data_meta = (char*)xdp->data - meta_bytes;
  return 0;
}

static inline uint32_t buff_len(const struct xdp_buff* xdp) {
  return (uint32_t)((const char*)xdp->data_end - (const char*)xdp->data);
}

BPF_BODY(bpf_xdp_get_buff_len) {
  return buff_len(buff(r1));
}

static inline int range_error(const struct xdp_buff* xdp, uint32_t offset, uint32_t bytes) {
  if (offset > kByteAccessMax || bytes > kByteAccessMax) return EFAULT;
  return offset + bytes > buff_len(xdp) ? EINVAL : 0;
}

BPF_BODY(bpf_xdp_load_bytes) {
  const int code = range_error(buff(r1), (uint32_t)r2, (uint32_t)r4);
  if (code) return error(code);
  memmove((void*)(uintptr_t)r3, (const char*)buff(r1)->data + (uint32_t)r2, (uint32_t)r4);
  return 0;
}

BPF_BODY(bpf_xdp_store_bytes) {
  const int code = range_error(buff(r1), (uint32_t)r2, (uint32_t)r4);
  if (code) return error(code);
  memmove((char*)buff(r1)->data + (uint32_t)r2, (const void*)(uintptr_t)r3, (uint32_t)r4);
  return 0;
}

BPF_BODY(bpf_redirect) {
  if (r2 != 0) return kXdpAborted; /* XDP knows no flags here */
  env->redirect.kind = BPF_REDIRECT_IFINDEX;
  env->redirect.target = (uint32_t)r1;
  env->redirect.map_id = 0;
  env->redirect.flags = 0;
  return BPF_RT_XDP_REDIRECT;
}
