// SPDX-License-Identifier: Apache-2.0
// rtnetlink.h — what `ip link`, `bpftool net`, libbpf and libxdp ask of rtnetlink, answered for the ports: they are
// listed, and programs are set on them and taken off.
//
// Shape     one request in, datagrams out, as a NETLINK_ROUTE socket would have them.
// Threads   control thread.
// Errors    as Linux for devices and programs; EOPNOTSUPP with a sentence for what ports do not have. The sentence
//           rides in the answer for who has asked for such.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "bpf/load/channel.h"
#include "bpf/load/route_fds.h"
#include "control/client.h"
#include "control/door_state.h"

namespace control {

using Datagram = std::vector<std::byte>;

std::vector<Datagram> answer_route(DoorState& state, Client& client, const bpf::load::RouteHead& asker,
                                   base::ConstBytes request);

// The handlers of requests about devices (rtnetlink_link.cc). `message`: whole, its header checked.
struct RouteRequest {
  const bpf::route::Header& head;
  base::ConstBytes message;
  u32 port;
};
base::Status get_links(DoorState& state, const RouteRequest& request, std::vector<Datagram>& out);
base::Status set_link(DoorState& state, Client& client, const RouteRequest& request);

// Puts attributes together behind a message's fixed part.
class RouteMessage {
 public:
  template <class T>
  RouteMessage(bpf::route::Header head, const T& fixed) {
    put(head);
    put(fixed);
  }
  template <class T>
  void add(bpf::route::u16 type, const T& v) {
    add_bytes(type, bpf::load::bytes_of(v));
  }
  void add_text(bpf::route::u16 type, const std::string& text) {
    add_bytes(type, std::as_bytes(std::span(text.c_str(), text.size() + 1)));
  }
  void append(base::ConstBytes bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    bytes_.resize(bpf::route::padded(bytes_.size()));
  }
  // Where the nest begins, for close().
  std::size_t open(bpf::route::u16 type) {
    const std::size_t begin = bytes_.size();
    put(bpf::route::AttributeHead{0, type});
    return begin;
  }
  void close(std::size_t begin) {
    const auto size = bpf::route::u16(bytes_.size() - begin);
    __builtin_memcpy(bytes_.data() + begin, &size, sizeof size);
  }
  // The whole of it, its length in the header.
  Datagram take() {
    const auto size = u32(bytes_.size());
    __builtin_memcpy(bytes_.data(), &size, sizeof size);
    return std::move(bytes_);
  }

 private:
  template <class T>
  void put(const T& v) {
    const auto bytes = bpf::load::bytes_of(v);
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void add_bytes(bpf::route::u16 type, base::ConstBytes bytes) {
    put(bpf::route::AttributeHead{bpf::route::u16(sizeof(bpf::route::AttributeHead) + bytes.size()), type});
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    bytes_.resize(bpf::route::padded(bytes_.size()));
  }

  Datagram bytes_;
};

}  // namespace control
