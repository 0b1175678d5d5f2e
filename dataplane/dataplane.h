// SPDX-License-Identifier: Apache-2.0
// dataplane.h — the packet path: workers that poll ports, run programs and send; and the handles that control turns
// while they run.
//
// Shape     DataplaneSpec + opened ports -> make() -> start() -> attach/replace/detach, snapshot -> stop(). Each
//           worker runs to completion: receive a burst, XDP, TC, send what the verdicts say, report quiescence, repeat.
//           What it runs is an immutable Pipeline that is swapped with one pointer store.
// Threads   one control thread calls everything here, also while workers run; AttachedProgram::stats() from any.
// Lifetime  ports, mempool and EAL outlive it. A replaced program is released when every worker has passed a
//           quiescent point: attach_xdp() and detach_xdp() return after that.
// Errors    EINVAL unknown name, two workers on one CPU, bad burst; EBUSY CPU taken, port already has a program;
//           ENOENT nothing attached; EALREADY started twice; E2BIG more workers or ports than kWorkersMax, kPortsMax.
// Cost      perf/run rates; counters cost a few stores per burst, run time two time stamp reads per burst when it is
//           on.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "dataplane/accounting.h"
#include "dataplane/program.h"
#include "dataplane/tc_chain.h"
#include "drivers/port.h"

namespace dataplane {

inline constexpr u32 kPortsMax = 32;         // RTE_MAX_ETHPORTS as DPDK was built
inline constexpr u32 kBurstMax = 64;         // frames per receive; verdicts and contexts of a burst stay in L1
inline constexpr u32 kHandoverSlots = 1024;  // frames between two workers for one port: ~16 bursts, < 1 ms at 1 Mpps
inline constexpr u32 kCpuQueueSlots = 2048;  // frames that one worker has waiting at another by cpumaps: a usual size

enum class Poll : base::u8 { adaptive, busy };

struct WorkerSpec {
  std::string name;
  u32 cpu = 0;  // its lcore must exist: EalOptions::worker_cpus; it is the BPF CPU number
  u32 burst = 64;
  Poll poll = Poll::adaptive;
  u32 max_sleep_us = 50;  // adaptive: longest sleep when idle
};

// What becomes of a frame that XDP passed, or that met no program.
struct PassDrop {};
struct PassForward {
  std::string port;
};
struct PassHost {
  std::string port;
};  // to the kernel, through a tap port
using OnPass = std::variant<PassDrop, PassForward, PassHost>;

struct PortPlan {
  drivers::Port* port = nullptr;
  OnPass on_pass = PassDrop{};
  // Worker of rx queue i. Empty: round robin over all workers.
  std::vector<std::string> queues;
  // Workers that share the flows of a port without RSS: the worker of the queue hashes 5-tuples and hands frames
  // over, each flow to one worker, in order. Empty: the worker of the queue does it all.
  std::vector<std::string> spread;
};

struct DataplaneSpec {
  std::vector<WorkerSpec> workers;
  std::vector<PortPlan> ports;
};

// How the data path reads entries of a redirect map. Registered by the owner of the map, who keeps `map` alive until it
// is unregistered. The functions run on workers and must not block; an entry is a number | program id << 32.
struct RedirectMap {
  u32 map_id = 0;
  const void* map = nullptr;
  // Devices, for BPF_F_BROADCAST: writes up to `max` entries, ifindex below, and returns how many.
  u32 (*targets)(const void* map, u64* entries, u32 max) = nullptr;
  // CPUs: the entry of one, queue size below; 0: there is none.
  u64 (*find_cpu)(const void* map, u32 cpu) = nullptr;
};

class Dataplane {
 public:
  // Checks the spec and makes everything the workers need; nothing runs yet.
  static base::Result<std::unique_ptr<Dataplane>> make(const DataplaneSpec& spec);
  virtual ~Dataplane() = default;  // stops first
  Dataplane(const Dataplane&) = delete;
  Dataplane& operator=(const Dataplane&) = delete;

  virtual base::Status start() = 0;
  // Stops receiving, lets everything that is inside go its way, then ends the workers: held is 0 afterwards.
  virtual void stop() = 0;
  virtual bool running() const noexcept = 0;

  // One program per port. attach: EBUSY if there is one; replace: ENOENT if there is none; detach likewise.
  virtual base::Status attach_xdp(std::string_view port, std::shared_ptr<const AttachedProgram> program) = 0;
  virtual base::Status replace_xdp(std::string_view port, std::shared_ptr<const AttachedProgram> program) = 0;
  virtual base::Status detach_xdp(std::string_view port) = 0;
  virtual std::shared_ptr<const AttachedProgram> attached_xdp(std::string_view port) const = 0;

  // The TC programs of a port and direction, exchanged whole: a frame meets the old list or the new one.
  // E2BIG more than kTcProgramsMax on one hook.
  virtual base::Status set_tc(std::string_view port, TcDirection direction, TcPrograms programs) = 0;
  virtual TcPrograms tc(std::string_view port, TcDirection direction) const = 0;

  virtual base::Status set_on_pass(std::string_view port, const OnPass& on_pass) = 0;
  virtual base::Status set_admin_up(std::string_view port, bool up) = 0;
  virtual base::Status register_redirect_map(const RedirectMap& map) = 0;
  virtual base::Status unregister_redirect_map(u32 map_id) = 0;
  // Programs that entries of redirect maps name by id: known before an entry names one, forgotten after none does.
  // add of a known one does nothing; forget: ENOENT.
  virtual void add_entry_program(std::shared_ptr<const AttachedProgram> program) = 0;
  virtual base::Status forget_entry_program(u32 id) = 0;

  // Takes run time of programs from now on, or stops to. Off at first; run counts are always kept.
  virtual void set_run_time(bool on) = 0;

  // Waits until every worker has passed a quiescent point: what was unlinked before is no longer seen.
  virtual void wait_grace_period() = 0;
  virtual Snapshot snapshot() = 0;
  // Hands over what programs printed with bpf_trace_printk since the last call; lines that found no room are counted.
  virtual void drain_trace(const std::function<void(u32 cpu, std::string_view line)>& line) = 0;
  // Iterations of each worker so far, for a watchdog that wants every one to move on.
  virtual std::vector<u64> heartbeats() const = 0;

 protected:
  Dataplane() = default;
};

}  // namespace dataplane
