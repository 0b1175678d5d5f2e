// SPDX-License-Identifier: Apache-2.0
#include "perf/engines/programs.h"

#include <cstring>
#include <random>
#include <set>

// The natively compiled programs, and the map pointers that they read.
extern "C" {
#define PROGRAM_ROW(name, packets, verdict)                      \
  std::uint64_t native_##name(void*, bpf_env*, const bpf_prog*); \
  void native_##name##_burst(xdp_burst*, bpf_env*, const bpf_prog*);
#define MAP_ROW(name, type, key_size, value_size, entries, flags) bpf_map* native_map_##name = nullptr;
#include "perf/engines/programs.def"
}

namespace engines {
namespace {

constexpr u32 kDrop = 1, kTransmit = 3;

constexpr ProgramRow kPrograms[] = {
#define PROGRAM_ROW(name, packets, verdict) {#name, native_##name, native_##name##_burst, PacketKind::packets, verdict},
#include "perf/engines/programs.def"
};

const MapRow kMaps[] = {
#define MAP_ROW(name, type, key_size, value_size, entries, flags) \
  {#name, {bpf::BPF_MAP_TYPE_##type, key_size, value_size, entries, flags, 0, 0, false, #name}, &native_map_##name},
#include "perf/engines/programs.def"
};

template <class T>
base::ConstBytes bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// All 65,536 flows that a packet of packets.h can walk through.
base::Status fill_flows(const Put& put) {
  for (u32 flow = 0; flow < kFlows; ++flow) {
    const FlowKey key = flow_key(flow);
    const u64 packets = 0;
    SLUICE_CHECK(put(bytes_of(key), bytes_of(packets)));
  }
  return base::success();
}

// A value of `bytes` zeros for every flow.
template <size_t bytes>
base::Status fill_flows_with_zeros(const Put& put) {
  const std::array<base::u8, bytes> value{};
  for (u32 flow = 0; flow < kFlows; ++flow) SLUICE_CHECK(put(bytes_of(flow_key(flow)), bytes_of(value)));
  return base::success();
}

// A default route and 20,000 prefixes of 8 to 28 bits, most of them long, as in a routing table; each with a number
// below `values`.
template <u32 values>
base::Status fill_prefixes(const Put& put) {
  std::mt19937 random(1);
  std::set<std::pair<u32, u32>> seen;
  const auto add = [&](u32 length, u32 address) {
    const u32 mask = length ? ~u32{0} << (32 - length) : 0;
    const u32 key[2] = {length, __builtin_bswap32(address & mask)};
    const u32 route = 1 + address % values;
    return seen.insert({key[0], key[1]}).second ? put(bytes_of(key), bytes_of(route)) : base::success();
  };
  SLUICE_CHECK(add(0, 0));
  for (int i = 0; i < 20'000; ++i) {
    const u32 length = random() % 4 ? 20 + u32(random() % 9) : 8 + u32(random() % 12);
    SLUICE_CHECK(add(length, u32(random())));
  }
  return base::success();
}

base::Status fill_ring(const Put& put) {
  for (u32 slot = 0; slot < 65'536; ++slot) {
    const u32 server = slot * 2654435761u >> 24;
    SLUICE_CHECK(put(bytes_of(slot), bytes_of(server)));
  }
  return base::success();
}

base::Status fill_servers(const Put& put) {
  struct Server {
    u32 address;
    base::u8 mac[6];
    base::u16 pad = 0;
    u32 unused = 0;
  };
  for (u32 i = 0; i < 256; ++i) {
    const Server server{0x0100000a | i << 16, {2, 0, 0, 0, 1, base::u8(i)}};
    SLUICE_CHECK(put(bytes_of(i), bytes_of(server)));
  }
  return base::success();
}

base::Status fill_backends(const Put& put) {
  struct Backend {
    u32 address[4];
    base::u8 mac[6];
    base::u16 pad;
  };
  for (u32 i = 0; i < 256; ++i) {
    const Backend backend{{0x0100000a | i << 16, i, i * 3, i * 7}, {2, 0, 0, 0, 2, base::u8(i)}, 0};
    SLUICE_CHECK(put(bytes_of(i), bytes_of(backend)));
  }
  return base::success();
}

// The service that the packets are for, and a hundred others.
base::Status fill_services(const Put& put) {
  struct Key {
    u32 address[4];
    base::u16 port;
    base::u8 protocol, family;
  };
  const FlowKey flow = flow_key(0);
  for (u32 i = 0; i <= 100; ++i) {
    const Key key{{flow.destination, 0, 0, 0}, base::u16(flow.destination_port + i), flow.protocol, 4};
    const u32 service[2] = {i, 1};
    SLUICE_CHECK(put(bytes_of(key), bytes_of(service)));
  }
  return base::success();
}

base::Status fill_connections(const Put& put) {
  struct Key {
    u32 source[4], destination[4];
    base::u16 source_port, destination_port;
    base::u8 protocol, family;
    base::u16 pad;
  };
  for (u32 i = 0; i < kFlows; ++i) {
    const FlowKey f = flow_key(i);
    const Key key{{f.source, 0, 0, 0}, {f.destination, 0, 0, 0}, f.source_port, f.destination_port, f.protocol, 4, 0};
    const u32 backend = i * 2654435761u >> 24;
    SLUICE_CHECK(put(bytes_of(key), bytes_of(backend)));
  }
  return base::success();
}

constexpr u32 kUplinks = 8;
u32 uplink_address(u32 i) {
  return 0x010064c6 | i << 16;
}

base::Status fill_bindings(const Put& put) {
  struct Binding {
    u32 address;
    base::u16 port, flags;
    u64 packets;
  };
  for (u32 i = 0; i < kFlows; ++i) {
    const Binding binding{uplink_address(i % kUplinks), base::u16(i), 0, 0};
    SLUICE_CHECK(put(bytes_of(flow_key(i)), bytes_of(binding)));
  }
  return base::success();
}

base::Status fill_uplinks(const Put& put) {
  for (u32 i = 0; i < kUplinks; ++i) {
    const std::array<base::u8, 16> macs = {2, 0, 0, 0, 3, base::u8(i), 2, 0, 0, 0, 4, base::u8(i)};
    SLUICE_CHECK(put(bytes_of(uplink_address(i)), bytes_of(macs)));
  }
  return base::success();
}

// For each pair of zones a rule; for every other pair it is the default, of no service.
constexpr u32 kZones = 8;
base::Status fill_rules(const Put& put) {
  struct Key {
    base::u16 from, to, port;
    base::u8 protocol, pad;
  };
  const FlowKey flow = flow_key(0);
  for (u32 pair = 0; pair < kZones * kZones; ++pair) {
    Key key{base::u16(1 + pair / kZones), base::u16(1 + pair % kZones), flow.destination_port, flow.protocol, 0};
    if (pair % 2) key.port = 0, key.protocol = 0;
    const u32 rule[2] = {1, 0};
    SLUICE_CHECK(put(bytes_of(key), bytes_of(rule)));
  }
  return base::success();
}

// The names that the packets ask for, and two thousand others.
base::Status fill_blocked(const Put& put) {
  const u32 hits = 0;
  std::mt19937_64 random(2);
  for (u32 i = 0; i < kBurst; ++i) SLUICE_CHECK(put(bytes_of(dns_name_hash(i)), bytes_of(hits)));
  for (int i = 0; i < 2000; ++i) {
    const u64 other = random();
    SLUICE_CHECK(put(bytes_of(other), bytes_of(hits)));
  }
  return base::success();
}

struct Filler {
  const char* map;
  base::Status (*fill)(const Put&);
};
constexpr Filler kFillers[] = {{"flows", fill_flows},
                               {"recent", fill_flows},
                               {"routes", fill_prefixes<1>},
                               {"ring", fill_ring},
                               {"servers", fill_servers},
                               {"services", fill_services},
                               {"connections", fill_connections},
                               {"backends", fill_backends},
                               {"bindings", fill_bindings},
                               {"uplinks", fill_uplinks},
                               {"buckets", fill_flows_with_zeros<16>},
                               {"meters", fill_flows_with_zeros<40>},
                               {"zones", fill_prefixes<kZones>},
                               {"rules", fill_rules},
                               {"blocked", fill_blocked}};

}  // namespace

std::span<const ProgramRow> program_rows() {
  return kPrograms;
}

const MapRow* find_map_row(const std::string& name) {
  for (const MapRow& row : kMaps)
    if (row.name == name) return &row;
  return nullptr;
}

base::Status fill(const MapRow& map, const Put& put) {
  for (const Filler& filler : kFillers)
    if (std::strcmp(filler.map, map.name) == 0) return filler.fill(put);
  return base::success();  // counters start at zero
}

}  // namespace engines
