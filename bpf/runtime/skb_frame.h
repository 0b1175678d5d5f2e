// SPDX-License-Identifier: Apache-2.0
// skb_frame.h — one packet as a struct sk_buff, made as BPF_PROG_TEST_RUN makes it, for tests and off-line verbs.
//
//   0          20 KiB                                      64 KiB
//   | room for head | packet …      room for the tail          |
//
// Shape     the link header is taken off; types that see it get it back, the others begin with the network header, and
//           have the bytes of a link header in front of their output, all zero. Between them stands a socket whose
//           addresses are the packet's. The device is the loopback unless the context says otherwise.
// Lifetime  buff() points into the frame; the frame does not move.
// Errors    as Linux 6.18: EINVAL a packet too short for its network header, a context with fields that are no input;
//           EBADMSG a sum over the packet that the program spoilt.
#pragma once

#include <array>

#include "base/result.h"
#include "base/types.h"
#include "bpf/abi/context.h"
#include "bpf/abi/host/sk_buff.h"
#include "bpf/abi/types.h"

namespace bpf::runtime {

class SkbFrame {
 public:
  static constexpr base::u32 kPacketMin = 14;    // test_run answers EINVAL below
  static constexpr base::u32 kPacketMax = 3712;  // and above: a page without the room that Linux keeps at both ends
  static constexpr base::u32 kLenMax = 16064;    // to which helpers may lengthen it

  // Does a test run give programs of this type a struct sk_buff?
  static bool runs(base::u32 prog_type) noexcept;

  SkbFrame() = default;
  SkbFrame(const SkbFrame&) = delete;
  SkbFrame& operator=(const SkbFrame&) = delete;

  // Puts a packet into the frame. `ctx`: what the caller sets, or null. `sum`: with CHECKSUM_COMPLETE.
  // REQUIRES: kPacketMin <= packet.size() <= kPacketMax, runs(type).
  base::Status fill(bpf_prog_type type, base::ConstBytes packet, const __sk_buff* ctx, bool sum = false);
  sk_buff& buff() noexcept { return skb_; }
  // Behind the last run: makes the output.
  base::Status finish();
  base::ConstBytes output() const noexcept;
  // The fields that a test run gives back; the others stay.
  void store_ctx(__sk_buff& ctx) const noexcept;

 private:
  static constexpr base::u32 kSize = 64 << 10;
  static constexpr base::u32 kHeadroom = 20 << 10;

  base::Status take_link_header();
  base::Status take_ctx(const __sk_buff& ctx);
  base::u32 network_sum() const noexcept;

  alignas(64) std::array<std::byte, kSize> bytes_;
  sk_buff skb_{};
  sock sock_{};
  bool sees_link_header_ = false;
  bool sum_ = false;
};

}  // namespace bpf::runtime
