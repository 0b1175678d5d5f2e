// SPDX-License-Identifier: Apache-2.0
// door.h — the one door: bpf(2) outside the kernel. Tables of maps, programs, BTF and links, and the commands on them.
//
// Shape     bpf_command(client, cmd, attr, size) looks its command up in one table (commands.h) and calls its handler;
//           one file per command family: map_create, map_elem, prog_load, prog_attach, test_run, obj_info, ids, pin,
//           btf_load, link_commands (link_*: one file per link type), enable_stats, absent_commands.
//           What it needs from outside comes with DoorConfig: the builder, the devices, the host functions,
//           reclamation.
// Threads   control thread only.
// Errors    the negative errno Linux would give; client.last_error has the sentence.
// Cost      an element command: one table index, one look-up of the descriptor, the map operation.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/abi/attr.h"
#include "bpf/builder/builder.h"
#include "bpf/registry/host.h"
#include "control/client.h"
#include "control/link.h"
#include "control/object.h"
#include "control/port_hooks.h"

namespace control {

enum class Engine : u8 { jit, interp };

// Devices that programs may name by ifindex (devmap elements, test_run's ingress_ifindex).
class DeviceTable {
 public:
  virtual ~DeviceTable() = default;
  virtual bool has_ifindex(u32 ifindex) const = 0;
  virtual u32 rx_queue_count(u32 ifindex) const = 0;
  // All of them, for who asks by name.
  virtual std::vector<std::pair<u32, std::string>> names() const { return {}; }
};

struct RunStats {
  u64 run_cnt = 0;
  u64 run_time_ns = 0;
};

using BuildFn = std::function<base::Result<bpf::builder::BuildReply>(const bpf::builder::BuildRequest&)>;
// What is loaded and could run faster: whoever takes it calls Program::replace_code some time later, or never.
using ImproveFn = std::function<void(const std::shared_ptr<Program>&, bpf::LoweredProgram)>;

struct DoorLimits {
  u32 maps_max = 65536;
  u32 programs_max = 16384;
  u32 btfs_max = 65536;
  u64 maps_memory_bytes_max = u64{8} << 30;
};

struct DoorConfig {
  BuildFn build;                                // empty: bpf::builder::build, here and now
  ImproveFn improve;                            // for code of the quick tier; empty: it stays as it is
  std::function<void(const Program&)> on_code;  // machine code has been put in place; empty: nobody wants to know
  Engine engine = Engine::jit;
  RetireFn retire;                              // empty: at once (no worker runs programs)
  const DeviceTable* devices = nullptr;         // null: there are none
  PortHooks* ports = nullptr;                   // null: no data path; links answer EOPNOTSUPP
  // A map has been made whose entries name devices; empty: nobody wants to know.
  std::function<void(const std::shared_ptr<Map>&)> on_device_map;
  const bpf_host* host = nullptr;               // for test_run; null: clocks only
  void* host_ctx = nullptr;
  std::function<RunStats(u32 prog_id)> run_stats;  // empty: zeros
  bool verdicts_only = false;                   // takes what cannot work yet, too: such a map holds nothing, such a
                                                // program returns 0
  bool unprivileged_load = false;               // as Debian has it
  std::string pin_root = "/run/sluice/bpf";
  DoorLimits limits;
};

struct DoorState;

class Door {
 public:
  explicit Door(DoorConfig config);
  ~Door();
  Door(const Door&) = delete;
  Door& operator=(const Door&) = delete;

  // The arguments of bpf(2); pointers inside `attr` are this process's. >= 0, or a negative errno.
  long bpf_command(Client& client, u32 cmd, void* attr, u32 size);

  const DoorConfig& config() const noexcept;

  // Tables, for who lives in this process. find_: null when there is none.
  std::shared_ptr<Map> find_map(u32 id) const;
  std::shared_ptr<Program> find_program(u32 id) const;
  std::shared_ptr<Btf> find_btf(u32 id) const;
  std::shared_ptr<Link> find_link(u32 id) const;
  std::vector<std::shared_ptr<Map>> maps() const;
  std::vector<std::shared_ptr<Program>> programs() const;
  std::vector<std::shared_ptr<Btf>> btfs() const;
  std::vector<std::shared_ptr<Link>> links() const;

  // The program on a port's XDP or tcx hook (there behind those that are attached), held by a link as LINK_CREATE makes
  // one; it lives as long as the handle. REQUIRES: an attach type of a port, and a program of its type.
  base::Result<Handle> attach(u32 ifindex, u32 attach_type, const std::shared_ptr<Program>& program);

  // Pins: a path below pin_root or /sys/fs/bpf, which are the same place. EEXIST, ENOENT, EPERM as bpf(2).
  base::Status pin(const std::string& path, const std::shared_ptr<Object>& object);
  base::Result<std::shared_ptr<Object>> find_pin(const std::string& path) const;
  base::Status unpin(const std::string& path);
  std::vector<std::string> pins_of(const Object& object) const;
  // From here on pins are entries of the folder pin_root, and what is unlinked there is let go.
  base::Status open_pin_folder();
  // Notices what was unlinked: once in a while.
  void prune_pins();

  // A request to rtnetlink, as route_fds.h lays it out; its datagrams. Empty: it is none.
  std::string answer_route(Client& client, base::ConstBytes request);

  // Element update by value, where the value names an object (prog array: program; devmap: ifindex and program).
  base::Status update_object(Map& map, base::ConstBytes key, const std::shared_ptr<Program>& program, u32 ifindex,
                             u64 flags);

 private:
  std::unique_ptr<DoorState> state_;
};

}  // namespace control
