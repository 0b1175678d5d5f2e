// SPDX-License-Identifier: Apache-2.0
// logging.h — the daemon's one logger: control threads only, never a packet's path.
//
// Shape     2026-11-23T01:24:16.123456Z sluiced warning port/wan0: sentence. On stderr; stdout belongs to the table.
// Threads   any but workers. Lifetime: the process.
#pragma once

#include <string>
#include <string_view>

#include "base/types.h"
#include "config/config.h"

namespace control {

void set_up_logging(const config::Log& log);

void log_info(std::string_view topic, std::string_view sentence);
void log_warning(std::string_view topic, std::string_view sentence);

// One line of DPDK's own log, at its level (rte_log: 1 emergency … 8 debug).
void log_eal_line(base::u32 level, const std::string& line);

}  // namespace control
