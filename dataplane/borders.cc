// SPDX-License-Identifier: Apache-2.0
#include "dataplane/borders.h"

#include <rte_mbuf.h>

#include <cstring>

namespace dataplane {
namespace {

using base::u16;
using base::u32;

// A frame that begins in the hidden half of the headroom moves up into the buffer, where drivers can describe it.
// False: it is longer than the buffer.
[[gnu::noinline]] bool move_into_buffer(rte_mbuf* frame, const char* data, u32 bytes) {
  if (bytes > frame->buf_len) return false;
  std::memmove(frame->buf_addr, data, bytes);
  frame->data_off = 0;
  return true;
}

}  // namespace

u32 write_borders(rte_mbuf* frame, const char* data, const char* data_end) noexcept {
  char* buffer = static_cast<char*>(frame->buf_addr);
  const u32 bytes = u32(data_end - data);
  if (data < buffer) [[unlikely]] {
    if (!move_into_buffer(frame, data, bytes)) return UINT32_MAX;
  } else {
    frame->data_off = u16(data - buffer);
  }
  frame->data_len = u16(bytes);
  frame->pkt_len = bytes;
  return bytes;
}

}  // namespace dataplane
