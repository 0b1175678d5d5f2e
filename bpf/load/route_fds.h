// SPDX-License-Identifier: Apache-2.0
// route_fds.h — which descriptors a request to rtnetlink names, so that its sender can send them along; and the head of
// such a request on the wire.
#pragma once

#include <algorithm>
#include <vector>

#include "bpf/abi/route.h"

namespace bpf::load {

// In front of the request's bytes.
struct RouteHead {
  base::u32 port;         // the address of the asking socket
  base::u32 error_texts;  // 1: it wants sentences with errors
};
// In front of each datagram of the answer.
struct DatagramHead {
  base::u32 bytes;
};

inline constexpr std::size_t kRouteFdsMax = 16;  // of one request: two for each device it is about

inline std::vector<int> find_route_fds(base::ConstBytes request) {
  std::vector<int> fds;
  route::MessageReader messages(request);
  route::Header head;
  for (base::ConstBytes message; messages.next(head, message);) {
    if (head.type != route::kSetLink && head.type != route::kNewLink) continue;
    route::AttributeReader attributes(route::link_attributes(message));
    for (route::Attribute attribute; attributes.next(attribute);) {
      if (attribute.type != route::kXdp) continue;
      route::AttributeReader nested(attribute.bytes);
      for (route::Attribute inner; nested.next(inner);) {
        if (inner.type != route::kXdpFd && inner.type != route::kXdpExpectedFd) continue;
        const int fd = inner.as<base::s32>().value_or(-1);
        if (fd >= 0 && fds.size() < kRouteFdsMax && std::ranges::find(fds, fd) == fds.end()) fds.push_back(fd);
      }
    }
  }
  return fds;
}

}  // namespace bpf::load
