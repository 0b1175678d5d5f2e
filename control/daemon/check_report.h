// SPDX-License-Identifier: Apache-2.0
// check_report.h — what a configuration needs against what the machine has: the figures `sluiced --check` prints and
// start warns of.
//
// Threads   control thread. Cost: a few reads of /proc and /sys.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "control/daemon/assemble.h"

namespace control {

struct MemoryFigures {
  base::u64 hugepages_needed_bytes = 0;  // 0: the configuration does without
  base::u64 hugepages_free_bytes = 0;
  base::u64 mbuf_bytes = 0;
  base::u64 maps_bytes = 0;
  base::u64 maps_limit_bytes = 0;
  base::u64 memory_free_bytes = 0;       // MemAvailable
};

// `maps_bytes` is what the loaded objects' maps hold.
MemoryFigures measure_memory(const config::Config& config, const Plan& plan, base::u64 maps_bytes);

// Adds an error where memory cannot be had: no hugepages and no fall-back, or more than the machine has left.
void judge_memory(const MemoryFigures& figures, const config::Config& config, config::Diagnostics& diagnostics);

std::string memory_report(const MemoryFigures& figures, const config::Config& config);

}  // namespace control
