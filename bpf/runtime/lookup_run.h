// SPDX-License-Identifier: Apache-2.0
// lookup_run.h — one search for an endpoint, as BPF_PROG_TEST_RUN gives it to a program.
//
// Errors    as Linux 6.18: EINVAL fields that are no input; ERANGE the port; EAFNOSUPPORT the family.
#pragma once

#include <cerrno>
#include <cstring>

#include "base/result.h"
#include "base/types.h"
#include "bpf/abi/context.h"
#include "bpf/abi/host/bpf_sk_lookup.h"

namespace bpf::runtime {

inline base::Result<bpf_sk_lookup_kern> make_lookup(const bpf_sk_lookup& ctx) {
  constexpr base::u32 kInet = 2, kInet6 = 10, kPortMax = 0xffff;
  if (ctx.cookie != 0 || ctx.ingress_ifindex != 0 || ctx.padding != 0)
    return base::Error(EINVAL, "ctx_in: a socket and ingress_ifindex are no input");
  if (ctx.local_port > kPortMax) return base::Error(ERANGE, "ctx_in: local_port is no port");
  bpf_sk_lookup_kern lookup{
      .sk = nullptr, .family = ctx.family, .protocol = base::u16(ctx.protocol), .remote_port = ctx.remote_port};
  lookup.local_port = ctx.local_port;
  if (ctx.family == kInet) {
    lookup.remote_ip4 = ctx.remote_ip4;
    lookup.local_ip4 = ctx.local_ip4;
  } else if (ctx.family == kInet6) {
    std::memcpy(lookup.remote_ip6, ctx.remote_ip6, sizeof lookup.remote_ip6);
    std::memcpy(lookup.local_ip6, ctx.local_ip6, sizeof lookup.local_ip6);
  } else {
    return base::Error(EAFNOSUPPORT, "ctx_in: the family must be that of IPv4 or IPv6");
  }
  return lookup;
}

}  // namespace bpf::runtime
