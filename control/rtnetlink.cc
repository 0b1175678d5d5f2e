// SPDX-License-Identifier: Apache-2.0
#include "control/rtnetlink.h"

#include <algorithm>

namespace control {
namespace {

namespace route = bpf::route;
using route::u16;

constexpr std::size_t kDatagramBytesMax = 8192;  // clients have buffers of this size

// What ports have none of, so that lists of them are empty.
constexpr u16 kEmptyLists[] = {route::kGetAddress, route::kGetQdisc, route::kGetClass, route::kGetFilter,
                               route::kGetChain};

// A request that failed is repeated whole behind the number; of one that did not, the head is enough.
Datagram make_error(const RouteRequest& request, const base::Status& status, bool texts) {
  const bool failed = !status.ok();
  const bool with_text = failed && texts;
  const u16 flags = u16((failed ? 0 : route::kCapped) | (with_text ? route::kErrorTexts : 0));
  RouteMessage out({0, route::kError, flags, request.head.sequence, request.port},
                   base::s32(failed ? -status.error().code() : 0));
  const auto repeated = failed ? request.message : request.message.first(sizeof(route::Header));
  out.append(repeated);
  if (with_text) out.add_text(route::kErrorText, "sluice: " + status.error().what());
  return out.take();
}

Datagram make_done(const RouteRequest& request) {
  return RouteMessage({0, route::kDone, route::kMulti, request.head.sequence, request.port}, base::s32{0}).take();
}

base::Status run(DoorState& state, Client& client, const RouteRequest& request, std::vector<Datagram>& out) {
  const u16 type = request.head.type;
  const bool lists = (request.head.flags & route::kDump) == route::kDump;
  if (type == route::kGetLink) return get_links(state, request, out);
  if (lists && std::ranges::find(kEmptyLists, type) != std::end(kEmptyLists)) return base::success();
  if (type == route::kNewLink || type == route::kSetLink) return set_link(state, client, request);
  return base::Error(EOPNOTSUPP, "requests of type " + std::to_string(type) + " are not for Sluice's ports");
}

// Parts of a list share datagrams as far as they fit.
void add_parts(std::vector<Datagram>& out, std::vector<Datagram> parts) {
  for (Datagram& part : parts) {
    if (out.empty() || out.back().size() + part.size() > kDatagramBytesMax) {
      out.push_back(std::move(part));
      continue;
    }
    out.back().insert(out.back().end(), part.begin(), part.end());
  }
}

}  // namespace

std::vector<Datagram> answer_route(DoorState& state, Client& client, const bpf::load::RouteHead& asker,
                                   base::ConstBytes bytes) {
  state.pins.prune();
  std::vector<Datagram> out;
  route::MessageReader messages(bytes);
  route::Header head;
  for (base::ConstBytes message; messages.next(head, message);) {
    const RouteRequest request{head, message, asker.port};
    if (!(head.flags & route::kRequest) || head.type < route::kNewLink) continue;
    std::vector<Datagram> parts;
    const auto status = run(state, client, request, parts);
    const bool lists = (head.flags & route::kDump) == route::kDump && head.type != route::kNewLink;
    std::vector<Datagram> own;
    add_parts(own, std::move(parts));
    std::ranges::move(own, std::back_inserter(out));
    if (status && lists && head.type != route::kSetLink)
      out.push_back(make_done(request));
    else if (!status || head.flags & route::kAck)
      out.push_back(make_error(request, status, asker.error_texts != 0));
  }
  return out;
}

std::string Door::answer_route(Client& client, base::ConstBytes request) {
  bpf::load::BodyReader reader(request);
  bpf::load::RouteHead asker;
  if (!reader.take(asker)) return {};
  std::string out;
  for (const Datagram& datagram : control::answer_route(*state_, client, asker, reader.rest())) {
    const bpf::load::DatagramHead head{u32(datagram.size())};
    out.append(reinterpret_cast<const char*>(&head), sizeof head);
    out.append(reinterpret_cast<const char*>(datagram.data()), datagram.size());
  }
  return out;
}

}  // namespace control
