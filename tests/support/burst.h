// SPDX-License-Identifier: Apache-2.0
// burst.h — a burst of packets with room for what a program's burst loop says of them.
#pragma once

#include <vector>

#include "base/types.h"
#include "bpf/abi/host/xdp_burst.h"

namespace support {

class Burst {
 public:
  // `count` packets of no bytes at all; set_packet() gives them some.
  explicit Burst(base::u32 count)
      : verdicts(count + 1), redirects(count + 1), borders(count + 1), heads_(count + 1), frames_(count + 1) {
    for (base::u32 i = 0; i < count; ++i) {
      heads_[i].nb_segs = 1;
      frames_[i] = &heads_[i];
    }
    burst = {.frames = frames_.data(),
             .count = count,
             .verdicts = verdicts.data(),
             .redirects = redirects.data(),
             .borders = borders.data()};
  }
  Burst(const Burst&) = delete;
  Burst& operator=(const Burst&) = delete;

  // A packet of `bytes` that begins `offset` bytes into a buffer.
  void set_packet(base::u32 i, void* buffer, base::u32 buffer_bytes, base::u32 offset, base::u32 bytes) {
    heads_[i] = {};
    heads_[i].buf_addr = static_cast<char*>(buffer);
    heads_[i].data_off = base::u16(offset);
    heads_[i].pkt_len = bytes;
    heads_[i].nb_segs = 1;
    heads_[i].buf_len = base::u16(buffer_bytes);
  }

  struct xdp_burst burst{};
  // One more than there are packets: nobody writes the last.
  std::vector<base::u32> verdicts;
  std::vector<struct bpf_redirect> redirects;
  std::vector<xdp_borders> borders;

 private:
  std::vector<bpf_frame> heads_;
  std::vector<bpf_frame*> frames_;
};

}  // namespace support
