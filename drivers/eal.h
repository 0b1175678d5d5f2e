// SPDX-License-Identifier: Apache-2.0
// eal.h — DPDK's environment, started once per process from plain options and left without a trace.
//
// Shape     EalOptions -> make_eal_argv() -> Eal::start(). Without enough hugepages the start falls back to --no-huge
//           if allowed. Workers run on EAL lcores: cpus[i] of the options becomes lcore i + 1; lcore 0 is the main
//           thread.
// Threads   start and destruction: the main thread. cpu_lcore(): any.
// Lifetime  one per process, ever: DPDK cannot be initialised twice. Ports and mempools die before it. Its destructor
//           removes the hugepage files and the runtime directory of its prefix.
// Errors    EINVAL bad option; ENOMEM no memory of the kind asked for; EALREADY second start; EAGAIN prefix in use;
//           EIO other.
#pragma once

#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace drivers {

using base::u16;
using base::u32;
using base::u64;

// Numbers of rte_log, and of syslog shifted by one: 1 emergency ... 8 debug.
inline constexpr u32 kLogError = 4;
inline constexpr u32 kLogInfo = 7;

enum class EalMemory { hugepages, no_huge };
enum class EalIova { automatic, physical, virtual_ };

struct EalOptions {
  std::string file_prefix = "sluice";  // /var/run/dpdk/<prefix>
  u32 main_cpu = 0;
  std::vector<u32> worker_cpus;  // one lcore each; a CPU occurs once
  EalMemory memory = EalMemory::hugepages;
  bool fall_back = true;       // hugepages not to be had: go on with no_huge
  std::vector<u32> socket_mb;  // hugepages: per NUMA node; empty: on demand
  u32 no_huge_mb = 256;        // no_huge: all there will ever be
  EalIova iova = EalIova::automatic;
  std::vector<std::string> pci_devices;  // addresses; no other device is touched
  bool telemetry = false;                // /var/run/dpdk/<prefix>/dpdk_telemetry.v2
  bool single_file_segments = false;     // memif zero-copy, vhost and virtio_user with hugepages want it
  std::vector<std::string> extra;        // appended verbatim
  // Gets every line that DPDK logs, without its newline, on the thread that logs. Empty: lines go to stderr.
  std::function<void(u32 level, const std::string& line)> log;
  u32 log_level = 6;  // notice
};

// argv as rte_eal_init gets it, argv[0] included. `memory` is what is tried now, options.memory what was asked for.
std::vector<std::string> make_eal_argv(const EalOptions& options, EalMemory memory);

// 2 MiB + 1 GiB hugepages that are free now, in bytes.
u64 free_hugepage_bytes();

class Eal {
 public:
  static base::Result<std::unique_ptr<Eal>> start(EalOptions options);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  EalMemory memory() const noexcept { return memory_; }
  const std::string& fall_back_reason() const noexcept { return fall_back_reason_; }  // empty: no fall-back happened
  const std::vector<std::string>& argv() const noexcept { return argv_; }

 private:
  Eal() = default;

  EalOptions options_;
  EalMemory memory_ = EalMemory::no_huge;
  std::string fall_back_reason_;
  std::vector<std::string> argv_;
  std::FILE* log_stream_ = nullptr;
};

// The lcore that is pinned to `cpu` and not the main one, or ENOENT.
base::Result<u32> cpu_lcore(u32 cpu);

}  // namespace drivers
