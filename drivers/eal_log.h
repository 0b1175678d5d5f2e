// SPDX-License-Identifier: Apache-2.0
// eal_log.h — DPDK's log, caught line by line.
//
// Threads   open and close: main thread. The callback runs on whichever thread logs; DPDK holds its stream's lock
//           meanwhile.
#pragma once

#include <cstdio>
#include <functional>
#include <string>

#include "base/types.h"

namespace drivers {

// A stream whose lines go to `line`; for rte_openlog_stream. A line longer than 4096 bytes is cut there.
std::FILE* open_log_stream(std::function<void(base::u32 level, const std::string& line)> line);

}  // namespace drivers
