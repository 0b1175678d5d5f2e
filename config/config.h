// SPDX-License-Identifier: Apache-2.0
// config.h — a configuration as plain structs, with every default filled in. What sluice.yaml means.
//
// Shape     one struct per section; lists in the order of the file (included files after it, in name order). An absent
//           optional means "auto": the one who builds decides. `at` is the item's place, for errors found later.
// Threads   plain values; immutable once loaded.
// Names     references between items (a queue's worker, an attachment's port) are names, and are checked: what is named
// exists. Paths     files are absolute: a relative one is relative to the file it was written in. Source
// docs/config.md, config/schema/v1.json
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "config/diagnostics.h"
#include "config/node.h"

namespace config {

// ---------------------------------------------------------------- eal
enum class MemoryMode : std::uint8_t { kHugepages, kNoHuge };
enum class MemoryFallback : std::uint8_t { kNone, kNoHuge };
enum class Iova : std::uint8_t { kAuto, kVa, kPa };

struct Eal {
  std::string file_prefix = "sluice";
  std::optional<std::uint32_t> main_lcore;
  MemoryMode memory_mode = MemoryMode::kHugepages;
  MemoryFallback memory_fallback = MemoryFallback::kNoHuge;
  std::vector<std::uint64_t> memory_per_socket_bytes;  // empty: as much as the configuration needs
  Iova iova = Iova::kAuto;
  std::vector<std::string> extra;  // appended to EAL's arguments as they are

  bool operator==(const Eal&) const = default;
};

// ---------------------------------------------------------------- workers
enum class Poll : std::uint8_t { kBusy, kAdaptive };

struct Worker {
  std::string name;
  std::optional<std::uint32_t> cpu;  // auto: the next allowed CPU that nothing else has
  Poll poll = Poll::kAdaptive;
  std::uint64_t max_sleep_ns = 50'000;
  std::uint32_t burst = 64;
  Where at;

  bool operator==(const Worker&) const = default;
};

// ---------------------------------------------------------------- mempools
struct Mempool {
  std::string name;
  std::optional<std::uint32_t> socket;  // auto: the node of the first worker that uses it
  std::optional<std::uint32_t> mbufs;   // auto: memory_need.h
  std::uint32_t data_room = 2176;       // bytes, headroom included
  std::uint32_t cache = 256;            // mbufs kept by each worker
  Where at;

  bool operator==(const Mempool&) const = default;
};

// ---------------------------------------------------------------- ports
struct NullPort {
  bool generate = false;  // receive frames of unwritten contents as fast as asked
  std::uint32_t frame_size = 64;

  bool operator==(const NullPort&) const = default;
};

struct RingPort {
  std::string peer;  // the ring port at the other end, which names this one; itself: a loop
  std::uint32_t size = 4096;

  bool operator==(const RingPort&) const = default;
};

struct PcapPort {
  std::string rx_file;  // empty: never receives
  std::string tx_file;  // empty: what is sent is counted and freed. Name ends in .pcapng: pcapng; else pcap
  bool loop = false;    // begin again at the end of rx_file

  bool operator==(const PcapPort&) const = default;
};

struct TapPort {
  std::string iface;  // name of the interface on the host; the port's name by default
  bool persist = false;

  bool operator==(const TapPort&) const = default;
};

enum class MemifRole : std::uint8_t { kServer, kClient };

struct MemifPort {
  std::string socket;
  MemifRole role = MemifRole::kClient;
  std::uint32_t id = 0;
  std::uint32_t buffer_size = 2048;
  bool zero_copy = false;
  std::string secret;

  bool operator==(const MemifPort&) const = default;
};

enum class SocketMode : std::uint8_t { kServer, kClient };

struct VhostPort {
  std::string socket;
  SocketMode mode = SocketMode::kServer;

  bool operator==(const VhostPort&) const = default;
};

struct VirtioUserPort {
  std::string socket;
  SocketMode mode = SocketMode::kClient;

  bool operator==(const VirtioUserPort&) const = default;
};

struct AfXdpPort {
  std::string iface;
  bool zero_copy = true;  // where the interface's driver can

  bool operator==(const AfXdpPort&) const = default;
};

struct AfPacketPort {
  std::string iface;

  bool operator==(const AfPacketPort&) const = default;
};

struct PciPort {
  std::string address;

  bool operator==(const PciPort&) const = default;
};

using PortOptions = std::variant<NullPort, RingPort, PcapPort, TapPort, MemifPort, VhostPort, VirtioUserPort, AfXdpPort,
                                 AfPacketPort, PciPort>;

enum class PassAction : std::uint8_t { kDrop, kForward, kHost };

struct OnPass {
  PassAction action = PassAction::kDrop;
  std::string port;  // of kForward and kHost

  bool operator==(const OnPass&) const = default;
};

struct QueueWorker {
  std::uint32_t id = 0;
  std::string worker;
  Where at;

  bool operator==(const QueueWorker&) const = default;
};

struct Port {
  std::string name;
  PortOptions options;
  std::uint32_t mtu = 1500;
  std::optional<std::array<std::uint8_t, 6>> mac;  // auto: the driver's choice
  bool promisc = true;
  std::optional<std::uint32_t> rx_queues;  // auto: one for each worker listed in queues, else 1
  std::optional<std::uint32_t> tx_queues;  // auto: one per worker where the kind can
  std::optional<std::uint32_t> rxd;        // auto: the kind's default
  std::optional<std::uint32_t> txd;
  std::vector<QueueWorker> queues;  // empty: round-robin over the workers
  std::vector<std::string>
      spread;  // workers that share the port's flows in software; empty: a queue's worker does it all
  std::optional<std::uint32_t> ifindex;  // auto: lowest free number from 1, in the order of the file
  OnPass on_pass;
  std::string pool;  // never empty when loaded
  Where at;

  bool operator==(const Port&) const = default;
};

std::string_view kind_name(const PortOptions& options) noexcept;

// ---------------------------------------------------------------- maps
// One key and its value, as written: a scalar (number, text, address, prefix, "0x…" bytes) or a mapping from BTF field
// names to values, or a list for an array. Who knows the map's BTF turns it into bytes (literal.h reads the scalars).
struct MapEntry {
  Node key;
  Node value;
  Where at;

  bool operator==(const MapEntry&) const = default;
};

struct Map {
  std::string name;
  std::string program;  // of programs[].name; empty: the map of that name in whichever object has it
  std::string object;   // path of the object; empty: as above
  std::optional<std::uint64_t> max_entries;
  std::vector<MapEntry> entries;
  Where at;

  bool operator==(const Map&) const = default;
};

// ---------------------------------------------------------------- programs
struct Rodata {
  std::string variable;
  Node value;
  Where at;

  bool operator==(const Rodata&) const = default;
};

struct Program {
  std::string name;
  std::string object;
  std::vector<std::string> sections;  // section or function names; empty: every program of the object
  std::vector<Rodata> rodata;
  std::uint32_t log_level = 0;  // of the verifier, 0 to 7: bits as BPF_PROG_LOAD has them
  bool stats = false;           // measure run_time_ns (run_cnt is always kept)
  Where at;

  bool operator==(const Program&) const = default;
};

// ---------------------------------------------------------------- attachments
// clsact: the older way, direct action; its programs run behind those of tcx.
enum class Hook : std::uint8_t { kXdp, kTcxIngress, kTcxEgress, kClsactIngress, kClsactEgress };

struct Attachment {
  Hook hook = Hook::kXdp;
  std::string port;
  std::string program;   // of programs[].name
  std::string function;  // empty: the object's only program
  Where at;

  bool operator==(const Attachment&) const = default;
};

// ---------------------------------------------------------------- the rest
struct Pins {
  std::string root = "/run/sluice/bpf";

  bool operator==(const Pins&) const = default;
};

struct Telemetry {
  bool dpdk = true;

  bool operator==(const Telemetry&) const = default;
};

enum class LogLevel : std::uint8_t { kError, kWarning, kNotice, kInfo, kDebug };
enum class LogFormat : std::uint8_t { kAuto, kText, kJson };

struct Log {
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kAuto;

  bool operator==(const Log&) const = default;
};

struct Security {
  std::vector<std::string> allow_load = {"root"};

  bool operator==(const Security&) const = default;
};

struct Jit {
  bool background = true;    // quick code at once, optimised code in the background; else optimised code at once
  bool cache = true;         // keep optimised code on disk
  std::string cache_folder = "/var/cache/sluice";
  std::uint64_t cache_bytes = std::uint64_t{256} << 20;
  bool perf_map = false;     // write /tmp/perf-PID.map

  bool operator==(const Jit&) const = default;
};

struct Limits {
  std::uint64_t maps_memory_bytes = std::uint64_t{8} << 30;
  std::uint32_t programs = 1024;

  bool operator==(const Limits&) const = default;
};

struct Config {
  std::uint32_t version = 1;
  Eal eal;
  std::vector<Worker> workers;    // at least one
  std::vector<Mempool> mempools;  // at least one
  std::vector<Port> ports;        // at least one
  std::vector<Map> maps;
  std::vector<Program> programs;
  std::vector<Attachment> attachments;
  Pins pins;
  Telemetry telemetry;
  Log log;
  Security security;
  Jit jit;
  Limits limits;

  bool operator==(const Config&) const = default;
};

// The file with all defaults filled in: valid YAML that loads to an equal Config.
std::string show(const Config& config);

}  // namespace config
