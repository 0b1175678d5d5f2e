// SPDX-License-Identifier: Apache-2.0
// xdp_frame.h — one packet in a buffer laid out as BPF_PROG_TEST_RUN lays it out, for tests and off-line verbs.
//
//   0        40                256                                            3776            4096
//   | frame  | room for head and metadata | packet …      room for the tail   | kernel's own   |
//
// Shape     the program may move its borders over [40, 3776): measured on Linux 6.18 with 4-KiB pages.
// Lifetime  buff() points into the frame; the frame does not move.
#pragma once

#include <array>
#include <cstring>

#include "base/types.h"
#include "bpf/abi/host/xdp_buff.h"

namespace bpf::runtime {

class XdpFrame {
 public:
  static constexpr base::u32 kSize = 4096;
  static constexpr base::u32 kHeadReserved = 40;   // Linux's struct xdp_frame
  static constexpr base::u32 kTailReserved = 320;  // Linux's struct skb_shared_info
  static constexpr base::u32 kHeadroom = 256;
  static constexpr base::u32 kPacketMin = 14;  // test_run answers EINVAL below
  static constexpr base::u32 kPacketMax = kSize - kTailReserved - kHeadroom;

  XdpFrame() = default;
  XdpFrame(const XdpFrame&) = delete;
  XdpFrame& operator=(const XdpFrame&) = delete;

  // Puts a packet into the frame. REQUIRES: packet.size() <= kPacketMax.
  void fill(base::ConstBytes packet) {
    bytes_.fill(std::byte{0});
    if (!packet.empty()) std::memcpy(&bytes_[kHeadroom], packet.data(), packet.size());
    buff_ = {};
    buff_.data = buff_.data_meta = &bytes_[kHeadroom];
    buff_.data_end = &bytes_[kHeadroom] + packet.size();
    buff_.data_hard_start = &bytes_[kHeadReserved];
    buff_.frame_sz = kSize - kHeadReserved - kTailReserved;
    buff_.ingress_ifindex = 1;  // the loopback device, as in the kernel
  }

  xdp_buff& buff() noexcept { return buff_; }
  // What test_run gives back of a context that points into this frame: metadata and packet.
  static base::ConstBytes output(const xdp_buff& b) noexcept {
    const auto* begin = static_cast<const std::byte*>(b.data_meta);
    return {begin, static_cast<const std::byte*>(b.data_end)};
  }

 private:
  alignas(64) std::array<std::byte, kSize> bytes_;
  xdp_buff buff_{};
};

}  // namespace bpf::runtime
