// SPDX-License-Identifier: Apache-2.0
#include "drivers/port.h"

#include <cctype>
#include <cstdio>

#include "drivers/eth_port.h"

namespace drivers {
namespace {

struct KindRow {
  std::string_view name;
  base::Status (*check)(const PortSpec&);
  base::Result<std::unique_ptr<Port>> (*open)(const PortSpec&, Mempool&, u16);
};

constexpr KindRow kKinds[] = {
#define PORT_KIND(name) {#name, check_##name##_port, open_##name##_port},
#include "drivers/ports.def"
};

constexpr u32 kMtuMin = 68;     // RFC 791: every host must take that much
constexpr u32 kMtuMax = 65521;  // with the Ethernet header a 16-bit length

const KindRow& row(PortKind kind) {
  return kKinds[std::size_t(kind)];
}

bool is_name_valid(const std::string& name) {
  if (name.empty() || name.size() > 32) return false;
  for (const char c : name)
    if (!std::isalnum(static_cast<unsigned char>(c)) && c != '_' && c != '-' && c != '.') return false;
  return true;
}

base::Status check_common(const PortSpec& spec) {
  if (!is_name_valid(spec.name))
    return base::Error(EINVAL, "the name must be 1 to 32 letters, digits, '_', '-' or '.'");
  if (spec.ifindex == 0) return base::Error(EINVAL, "ifindex must be above 0");
  if (spec.mtu < kMtuMin || spec.mtu > kMtuMax)
    return base::Error(EINVAL, "mtu " + std::to_string(spec.mtu) + " is not in " + std::to_string(kMtuMin) + " to " +
                                   std::to_string(kMtuMax));
  if (spec.rx_queues == 0) return base::Error(EINVAL, "rx-queues must be above 0");
  if (spec.mac && (*spec.mac)[0] & 1)
    return base::Error(EINVAL, "mac " + format_mac(*spec.mac) + " is a group address");
  return base::success();
}

}  // namespace

std::string_view port_kind_name(PortKind kind) {
  return row(kind).name;
}

std::optional<PortKind> find_port_kind(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kKinds); ++i)
    if (kKinds[i].name == name) return PortKind(i);
  return std::nullopt;
}

std::string format_mac(const MacAddress& mac) {
  char text[18];
  std::snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
  return text;
}

base::Result<MacAddress> parse_mac(std::string_view text) {
  MacAddress mac;
  unsigned part[6];
  char rest = 0;
  const std::string copy(text);
  if (copy.size() == 17 && std::sscanf(copy.c_str(), "%2x:%2x:%2x:%2x:%2x:%2x%c", &part[0], &part[1], &part[2],
                                       &part[3], &part[4], &part[5], &rest) == 6) {
    for (std::size_t i = 0; i < 6; ++i) mac[i] = base::u8(part[i]);
    return mac;
  }
  return base::Error(EINVAL, "'" + copy + "' is not an address of the form 02:00:00:00:00:01");
}

base::Status check_port(const PortSpec& spec) {
  const std::string where = "port " + spec.name;
  SLUICE_CHECK(check_common(spec).in(where));
  return row(spec.kind).check(spec).in(where);
}

base::Result<std::unique_ptr<Port>> open_port(const PortSpec& spec, Mempool& pool, u16 tx_queues_wanted) {
  SLUICE_CHECK(check_port(spec));
  if (spec.mtu + 18 + kMbufHeadroom > pool.spec().data_room)
    return base::Error(EINVAL, "port " + spec.name + ": a frame of mtu " + std::to_string(spec.mtu) +
                                   " does not fit one buffer of mempool " + pool.spec().name + " (data-room " +
                                   std::to_string(pool.spec().data_room) + ")");
  return row(spec.kind).open(spec, pool, tx_queues_wanted).in("port " + spec.name);
}

}  // namespace drivers
