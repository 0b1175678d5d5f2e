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

struct __sk_buff {
  std::uint32_t len, pkt_type, mark, queue_mapping, protocol, vlan_present, vlan_tci, vlan_proto;
  std::uint32_t priority, ingress_ifindex, ifindex, tc_index;
  std::uint32_t cb[5];
  std::uint32_t hash, tc_classid, data, data_end, napi_id;
  std::uint32_t family, remote_ip4, local_ip4, remote_ip6[4], local_ip6[4], remote_port, local_port;
  std::uint32_t data_meta;
  std::uint64_t flow_keys;
  std::uint64_t tstamp;
  std::uint32_t wire_len, gso_segs;
  std::uint64_t sk;
  std::uint32_t gso_size;
  std::uint8_t tstamp_type;
  std::uint8_t padding[3];
  std::uint64_t hwtstamp;
};
static_assert(sizeof(__sk_buff) == 192 && offsetof(__sk_buff, tstamp) == 152 && offsetof(__sk_buff, hwtstamp) == 184);

struct bpf_sk_lookup {
  std::uint64_t cookie;  // programs see a pointer to the chosen socket here
  std::uint32_t family, protocol, remote_ip4, remote_ip6[4];
  std::uint16_t remote_port, remote_port_padding;
  std::uint32_t local_ip4, local_ip6[4], local_port, ingress_ifindex, padding;
};
static_assert(sizeof(bpf_sk_lookup) == 72 && offsetof(bpf_sk_lookup, local_port) == 60);

}  // namespace bpf
