// SPDX-License-Identifier: Apache-2.0
// port.h — a port: plain spec in, opened device out. One file per kind, listed in ports.def.
//
// Shape     open_port() makes the DPDK device, configures it and its queues; start() lets frames flow. The packet
//           path does not go through this class: workers poll the device `id()` directly.
// Threads   control thread. stats() may run beside the workers.
// Lifetime  the mempool outlives the port. Destroying it stops the device and gives every buffer back; no worker may
//           poll it then.
// Errors    EINVAL bad option; EEXIST name, ifindex or interface taken; EADDRINUSE
//           socket in use; ENOENT file missing; ENODEV no such interface; ECONNREFUSED nobody listens; EPERM privilege;
//           EIO the driver refused, with what it said.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "base/types.h"
#include "drivers/mempool.h"

namespace drivers {

enum class PortKind : base::u8 {
#define PORT_KIND(name) name,
#include "drivers/ports.def"
};
std::string_view port_kind_name(PortKind kind);
std::optional<PortKind> find_port_kind(std::string_view name);

using MacAddress = std::array<base::u8, 6>;
std::string format_mac(const MacAddress& mac);
base::Result<MacAddress> parse_mac(std::string_view text);

// Swallows what it is sent; receives frames of unwritten contents as fast as it is asked.
struct NullOptions {
  u32 frame_bytes = 64;
  bool receive = true;  // false: a sink that never receives
};
// Two ports that name each other: what one sends, the other receives. A port whose peer is itself is a loop.
struct RingOptions {
  std::string peer;
  u32 slots = 4096;  // power of two; frames waiting in one direction of one queue
};
struct PcapOptions {
  std::string rx_file;  // pcap or pcapng; empty: nothing is received
  std::string tx_file;  // written anew, as pcapng if its name ends so, else as pcap; empty: sent frames vanish
  bool loop = false;    // start over at the end of rx_file
};
struct TapOptions {
  std::string interface;  // empty: the port's name
  bool persist = false;   // the kernel interface outlives the port
};
struct MemifOptions {
  enum class Role : base::u8 { server, client };
  std::string socket;  // path
  Role role = Role::client;
  u32 id = 0;
  bool zero_copy = false;  // client with --single-file-segments only
  u32 buffer_bytes = 2048;
  std::string secret;  // up to 24 characters
};
// Who listens on the socket of a vhost-user connection, and who connects.
enum class SocketMode : base::u8 { server, client };
struct VhostOptions {
  std::string socket;  // path
  SocketMode mode = SocketMode::server;
};
struct VirtioUserOptions {
  std::string socket;  // path
  SocketMode mode = SocketMode::client;
};
struct AfPacketOptions {
  std::string interface;
};
struct AfXdpOptions {
  std::string interface;
  bool zero_copy = true;  // where the interface's driver can; false: never
};

struct PciOptions {
  std::string address;  // 0000:3b:00.0; among EalOptions::pci_devices
};

struct PortSpec {
  std::string name;  // letters, digits, '_', '-', '.'; at most 32
  PortKind kind = PortKind::null;
  u32 ifindex = 0;  // stable number that programs see; > 0
  u32 mtu = 1500;
  std::optional<MacAddress> mac;
  bool promisc = true;
  u16 rx_queues = 1;
  u16 tx_queues = 0;       // 0: as many as `tx_queues_wanted` of open_port, where the kind can
  u16 rx_descriptors = 0;  // 0: the kind's default
  u16 tx_descriptors = 0;
  std::variant<NullOptions, RingOptions, PcapOptions, TapOptions, MemifOptions, VhostOptions, VirtioUserOptions,
               AfPacketOptions, AfXdpOptions, PciOptions>
      options;
};

// What the device says it did since it was opened.
struct PortStats {
  u64 rx_packets = 0;
  u64 rx_bytes = 0;
  u64 tx_packets = 0;
  u64 tx_bytes = 0;
  u64 rx_missed = 0;
  u64 rx_errors = 0;
  u64 rx_nombuf = 0;
  u64 tx_errors = 0;
};

class Port {
 public:
  virtual ~Port() = default;
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;

  const PortSpec& spec() const noexcept { return spec_; }
  const std::string& name() const noexcept { return spec_.name; }
  u32 ifindex() const noexcept { return spec_.ifindex; }
  u32 mtu() const noexcept { return spec_.mtu; }

  virtual u16 id() const noexcept = 0;  // DPDK port id
  virtual u16 rx_queue_count() const noexcept = 0;
  virtual u16 tx_queue_count() const noexcept = 0;
  virtual bool has_rss() const noexcept = 0;  // the device spreads flows over its rx queues by itself
  virtual bool copies_on_receive() const noexcept { return false; }  // the polling core writes the frames it receives
  virtual MacAddress mac() const = 0;
  virtual Mempool& mempool() const noexcept = 0;

  virtual base::Status start() = 0;
  virtual void stop() = 0;
  virtual PortStats stats() const = 0;
  virtual bool link_up() const = 0;
  // Frames that a finite input still holds; nullopt where input never ends. Zero: drained for good.
  virtual std::optional<u64> input_left() const { return std::nullopt; }
  // Brings what was sent so far to its file; no-op for other kinds.
  virtual base::Status flush() { return base::success(); }

 protected:
  explicit Port(PortSpec spec) : spec_(std::move(spec)) {}

  PortSpec spec_;
};

// `tx_queues_wanted`: one per worker, so that none has to share; the kind may give fewer (see tx_queue_count()).
base::Result<std::unique_ptr<Port>> open_port(const PortSpec& spec, Mempool& pool, u16 tx_queues_wanted = 1);

// The checks of open_port that need no device: what `sluiced --check` asks.
base::Status check_port(const PortSpec& spec);

}  // namespace drivers
