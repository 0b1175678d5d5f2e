// SPDX-License-Identifier: Apache-2.0
// assemble.h — a checked configuration -> the plain specs that drivers/ takes. Decides every "auto" that needs no
// device.
//
// Shape     pure functions of the Config and of the CPUs this process may use: `sluiced --check` and start get the same
//           answers.
// Threads   control thread.
// Errors    diagnostics at the item's place in the file (errors only the machine can tell: a CPU that is not there).
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "config/diagnostics.h"
#include "drivers/eal.h"
#include "drivers/mempool.h"
#include "drivers/port.h"

namespace control {

// One worker with its CPU decided.
struct WorkerPlan {
  std::string name;
  base::u32 cpu = 0;
  base::u32 burst = 32;
  bool adaptive = true;
  base::u64 max_sleep_ns = 0;
};

struct Plan {
  drivers::EalOptions eal;
  std::vector<WorkerPlan> workers;            // in the order of the file
  std::vector<drivers::MempoolSpec> mempools;
  std::vector<drivers::PortSpec> ports;       // in the order of the file; ifindex decided
};

// CPUs that this process may run on (its affinity mask), ascending.
std::vector<base::u32> usable_cpus();

// What is wrong with the machine rather than with the file is added to `diagnostics`; the plan is whole only if none
// were.
Plan assemble(const config::Config& config, const std::vector<base::u32>& cpus, config::Diagnostics& diagnostics);

}  // namespace control
