// SPDX-License-Identifier: Apache-2.0
// context.h — the context structs that programs see (user side), as of Linux 6.18.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bpf {

struct xdp_md {
  std::uint32_t data;
  std::uint32_t data_end;
  std::uint32_t data_meta;
  std::uint32_t ingress_ifindex;
  std::uint32_t rx_queue_index;
  std::uint32_t egress_ifindex;
};
static_assert(sizeof(xdp_md) == 24);

}  // namespace bpf
