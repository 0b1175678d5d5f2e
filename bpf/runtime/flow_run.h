// SPDX-License-Identifier: Apache-2.0
// flow_run.h — one packet for a program that takes packets apart, as BPF_PROG_TEST_RUN gives it; and the keys it found.
//
// Shape     every run begins with fresh keys; behind it the offsets are brought back into the packet.
// Lifetime  the packet outlives the run.
#pragma once

#include <algorithm>
#include <cstring>

#include "base/types.h"
#include "bpf/abi/host/bpf_flow_dissector.h"

namespace bpf::runtime {

static_assert(sizeof(bpf_flow_keys) == 56);

class FlowRun {
 public:
  static constexpr base::u32 kPacketMin = 14, kPacketMax = 4096;  // test_run answers EINVAL outside
  static constexpr std::size_t kFlagsAt = offsetof(bpf_flow_keys, flags);

  // REQUIRES: kPacketMin <= packet.size() <= kPacketMax.
  FlowRun(base::ConstBytes packet, base::u32 flags) : packet_(packet), flags_(flags) {}
  FlowRun(const FlowRun&) = delete;
  FlowRun& operator=(const FlowRun&) = delete;

  bpf_flow_dissector& begin() noexcept {
    keys_ = {};
    keys_.nhoff = keys_.thoff = kPacketMin;
    std::memcpy(&keys_.n_proto, packet_.data() + 12, sizeof keys_.n_proto);
    keys_.flags = flags_;
    return ctx_ = {&keys_, packet_.data(), packet_.data() + packet_.size()};
  }
  const bpf_flow_keys& end() noexcept {
    const auto size = base::u16(packet_.size());
    keys_.nhoff = std::clamp(keys_.nhoff, base::u16(kPacketMin), size);
    keys_.thoff = std::clamp(keys_.thoff, keys_.nhoff, size);
    return keys_;
  }

 private:
  base::ConstBytes packet_;
  base::u32 flags_;
  bpf_flow_keys keys_{};
  bpf_flow_dissector ctx_{};
};

}  // namespace bpf::runtime
