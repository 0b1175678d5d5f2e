// SPDX-License-Identifier: Apache-2.0
// port_report.h — the data path's counters as people and programs read them: JSON for `sluice port|worker show`, a live
// table, the final accounting. One snapshot feeds all three, so they cannot disagree.
//
// Threads   control thread. Cost: control path.
#pragma once

#include <string>

#include "control/server.h"
#include "dataplane/accounting.h"
#include "dataplane/dataplane.h"
#include "drivers/port.h"

namespace control {

Json port_json(const dataplane::PortCounters& port, const dataplane::Snapshot& snapshot, const drivers::Port& device);
// Ids of the programs on each hook of a port, in order of running; hooks without programs are left out.
Json attached_json(const dataplane::Dataplane& dataplane, const std::string& port);
Json worker_json(const dataplane::WorkerCounters& worker, const dataplane::Snapshot& snapshot);

// One line per port: received, verdicts, sent, dropped, and the rate since `previous`. Plain text, no escape codes.
std::string live_table(const dataplane::Snapshot& now, const dataplane::Snapshot& previous, double seconds);

// Where every packet went, per port of entry, with the reasons; ends with whether the accounting closes.
std::string final_accounting(const dataplane::Snapshot& snapshot);

}  // namespace control
