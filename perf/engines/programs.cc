// SPDX-License-Identifier: Apache-2.0
#include "perf/engines/programs.h"

#include <cstring>
#include <random>
#include <set>

#include "perf/engines/packets.h"

// The natively compiled programs, and the map pointers that they read.
extern "C" {
#define PROGRAM_ROW(name, verdict)                               \
  std::uint64_t native_##name(void*, bpf_env*, const bpf_prog*); \
  void native_##name##_burst(void*, std::uint32_t, std::uint32_t*, bpf_env*, const bpf_prog*);
#define MAP_ROW(name, type, key_size, value_size, entries, flags) bpf_map* native_map_##name = nullptr;
#include "perf/engines/programs.def"
}

namespace engines {
namespace {

constexpr u32 kDrop = 1, kTransmit = 3;

constexpr ProgramRow kPrograms[] = {
#define PROGRAM_ROW(name, verdict) {#name, native_##name, native_##name##_burst, verdict},
#include "perf/engines/programs.def"
};

const MapRow kMaps[] = {
#define MAP_ROW(name, type, key_size, value_size, entries, flags) \
  {#name, {bpf::BPF_MAP_TYPE_##type, key_size, value_size, entries, flags, 0, 0, #name}, &native_map_##name},
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

// A default route and 20,000 prefixes of 8 to 28 bits, most of them long, as in a routing table.
base::Status fill_routes(const Put& put) {
  std::mt19937 random(1);
  std::set<std::pair<u32, u32>> seen;
  const u32 route = 1;
  const auto add = [&](u32 length, u32 address) {
    const u32 mask = length ? ~u32{0} << (32 - length) : 0;
    const u32 key[2] = {length, __builtin_bswap32(address & mask)};
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

struct Filler {
  const char* map;
  base::Status (*fill)(const Put&);
};
constexpr Filler kFillers[] = {{"flows", fill_flows},
                               {"recent", fill_flows},
                               {"routes", fill_routes},
                               {"ring", fill_ring},
                               {"servers", fill_servers}};

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
