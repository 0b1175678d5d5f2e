// SPDX-License-Identifier: Apache-2.0
// Ports as devices: RTM_GETLINK, and RTM_SETLINK as far as it is about XDP programs.
//
// Source    rtnetlink(7); rules and their order: asked of the host kernel (tests/e2e/netlink_test.py asks again).
#include <array>
#include <cstring>

#include "bpf/abi/flags.h"
#include "control/rtnetlink.h"

namespace control {
namespace {

namespace route = bpf::route;
using route::u16;

// What a request about one device says.
struct DeviceRequest {
  route::LinkHead head{};
  std::string name;
  u32 ext_mask = 0;
  std::optional<base::ConstBytes> xdp;
  std::string other;  // an attribute that is not for ports
};

base::Result<DeviceRequest> parse(const RouteRequest& request) {
  DeviceRequest out;
  if (request.message.size() < sizeof(route::Header) + sizeof out.head)
    return base::Error(EINVAL, "the request is cut off");
  __builtin_memcpy(&out.head, request.message.data() + sizeof(route::Header), sizeof out.head);
  route::AttributeReader attributes(route::link_attributes(request.message));
  for (route::Attribute attribute; attributes.next(attribute);) {
    const auto* text = reinterpret_cast<const char*>(attribute.bytes.data());
    if (attribute.type == route::kName)
      out.name.assign(text, strnlen(text, attribute.bytes.size()));
    else if (attribute.type == route::kExtMask)
      out.ext_mask = attribute.as<u32>().value_or(0);
    else if (attribute.type == route::kXdp)
      out.xdp = attribute.bytes;
    else if (out.other.empty())
      out.other = "attribute " + std::to_string(attribute.type);
  }
  return out;
}

std::vector<PortState> ports_of(const DoorState& state) {
  return state.config.ports ? state.config.ports->states() : std::vector<PortState>{};
}

base::Result<PortState> find_port(const DoorState& state, const DeviceRequest& asked) {
  for (PortState& port : ports_of(state))
    if (asked.head.index > 0 ? port.ifindex == u32(asked.head.index) : port.name == asked.name) return std::move(port);
  return base::Error(ENODEV, "there is no such port");
}

void add_xdp(RouteMessage& out, const XdpHooks::Held* held) {
  const std::size_t nest = out.open(route::kXdp);
  const bool generic = held && held->mode == bpf::XDP_FLAGS_SKB_MODE;
  out.add(route::kXdpAttached, held ? (generic ? route::kAttachedSkb : route::kAttachedDrv) : route::kAttachedNone);
  if (held) {
    out.add(route::kXdpProgId, held->program->id());
    out.add(generic ? route::kXdpSkbProgId : route::kXdpDrvProgId, held->program->id());
  }
  out.close(nest);
}

// In the order of struct rtnl_link_stats64, as far as ports count such things.
std::array<u64, 25> stats_of(const PortState& port) {
  std::array<u64, 25> stats{};
  stats[0] = port.rx_packets;
  stats[1] = port.tx_packets;
  stats[2] = port.rx_bytes;
  stats[3] = port.tx_bytes;
  stats[6] = port.rx_dropped;
  return stats;
}

Datagram describe(const DoorState& state, const PortState& port, const RouteRequest& request, u32 ext_mask) {
  const bool lists = (request.head.flags & route::kDump) == route::kDump;
  const bool running = port.up && port.carrier;
  route::LinkHead link{0, 0, route::kEthernet, base::s32(port.ifindex), route::kBroadcasts | route::kMulticast, 0};
  if (port.up) link.flags |= route::kUp;
  if (running) link.flags |= route::kRunning | route::kLowerUp;
  constexpr std::array<u8, 6> kEverybody = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  constexpr u32 kUsualQueueLength = 1000;
  RouteMessage out({0, route::kNewLink, u16(lists ? route::kMulti : 0), request.head.sequence, request.port}, link);
  out.add_text(route::kName, port.name);
  out.add(route::kQueueLength, kUsualQueueLength);
  out.add(route::kOperState, running ? route::kOperUp : route::kOperDown);
  out.add(route::kLinkMode, u8{0});
  out.add(route::kMtu, port.mtu);
  out.add(route::kGroup, u32{0});
  out.add(route::kPromiscuity, u32{0});
  out.add(route::kTxQueues, port.tx_queues);
  out.add(route::kRxQueues, port.rx_queues);
  out.add(route::kCarrier, u8(port.carrier));
  out.add_text(route::kQdisc, port.up ? "noqueue" : "noop");
  out.add(route::kAddress, port.mac);
  out.add(route::kBroadcast, kEverybody);
  if (!(ext_mask & route::kSkipStats)) out.add(route::kStats64, stats_of(port));
  add_xdp(out, state.xdp_hooks->find(port.ifindex));
  return out.take();
}

// Empty: the attribute is not there. ERANGE: it is too short.
template <class T>
base::Result<std::optional<T>> find_number(base::ConstBytes nest, u16 type) {
  route::AttributeReader attributes(nest);
  std::optional<T> found;
  for (route::Attribute attribute; attributes.next(attribute);) {
    if (attribute.type != type) continue;
    found = attribute.as<T>();
    if (!found) return base::Error(ERANGE, "an attribute is too short");
  }
  return found;
}

base::Result<std::shared_ptr<Program>> find_xdp(Client& client, base::s32 fd) {
  if (fd < 0) return std::shared_ptr<Program>();
  SLUICE_TRY(auto program, get_program(client, fd));
  if (program->info().type != bpf::BPF_PROG_TYPE_XDP) return base::Error(EINVAL, "the program is not of type XDP");
  return program;
}

base::Status set_xdp(DoorState& state, Client& client, u32 ifindex, base::ConstBytes nest) {
  SLUICE_TRY(const auto fd, find_number<base::s32>(nest, route::kXdpFd));
  SLUICE_TRY(const auto expected, find_number<base::s32>(nest, route::kXdpExpectedFd));
  SLUICE_TRY(const auto flags, find_number<u32>(nest, route::kXdpFlags));
  SLUICE_TRY(const auto attached, find_number<u8>(nest, route::kXdpAttached));
  SLUICE_TRY(const auto id, find_number<u32>(nest, route::kXdpProgId));
  if (attached || id) return base::Error(EINVAL, "what is attached is answered, not asked for");
  XdpChange change{flags.value_or(0), nullptr, nullptr};
  SLUICE_CHECK(check_xdp_flags(change.flags));
  if (!fd) return base::success();
  const bool replaces = change.flags & bpf::XDP_FLAGS_REPLACE;
  if (replaces && !expected) return base::Error(EINVAL, "XDP_FLAGS_REPLACE without the expected program");
  SLUICE_TRY(change.program, find_xdp(client, *fd));
  if (replaces) {
    SLUICE_TRY(change.expected, find_xdp(client, *expected));
  }
  return state.xdp_hooks->change(ifindex, change);
}

}  // namespace

base::Status get_links(DoorState& state, const RouteRequest& request, std::vector<Datagram>& out) {
  SLUICE_TRY(const DeviceRequest asked, parse(request));
  if ((request.head.flags & route::kDump) == route::kDump) {
    for (const PortState& port : ports_of(state)) out.push_back(describe(state, port, request, asked.ext_mask));
    return base::success();
  }
  if (asked.head.index <= 0 && asked.name.empty()) return base::Error(EINVAL, "which port?");
  SLUICE_TRY(const PortState port, find_port(state, asked));
  out.push_back(describe(state, port, request, asked.ext_mask));
  return base::success();
}

base::Status set_link(DoorState& state, Client& client, const RouteRequest& request) {
  if (!client.caps().net_admin) return base::Error(EPERM, "this user may not change ports");
  SLUICE_TRY(const DeviceRequest asked, parse(request));
  if (asked.head.index < 0) return base::Error(EINVAL, "numbers of ports are positive");
  if (asked.head.index == 0 && asked.name.empty())
    return request.head.type == route::kSetLink ? base::Error(EINVAL, "which port?")
                                                : base::Error(ENODEV, "there is no such port");
  auto port = find_port(state, asked);
  if (!port && request.head.flags & route::kCreate)
    return base::Error(EOPNOTSUPP, "ports are made by the configuration file");
  if (!port) return std::move(port).error();
  if (!asked.other.empty())
    return base::Error(EOPNOTSUPP, asked.other + ": ports are set up by the configuration file");
  const u32 up = port->up ? u32{route::kUp} : 0U;
  if ((asked.head.flags ^ up) & asked.head.change & route::kUp)
    return base::Error(EOPNOTSUPP, "ports are up as long as the daemon runs");
  return asked.xdp ? set_xdp(state, client, port->ifindex, *asked.xdp) : base::success();
}

}  // namespace control
