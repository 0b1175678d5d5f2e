// SPDX-License-Identifier: Apache-2.0
// show.h — what `sluice prog show`, `prog dump`, `map show` and `map dump` ask the daemon: handlers over the door's
// tables, in bpftool's keys.
//
// Threads   the server's. Errors: ENOENT nothing matches the identifier; EINVAL malformed identifier.
#pragma once

#include "control/door.h"
#include "control/server.h"

namespace control {

// Entries of one dump; beyond, the reply says that it is cut (a daemon's control thread has other work).
inline constexpr u64 kDumpEntriesMax = 4U << 20;

// Adds the handlers. REQUIRES: the door outlives the server.
void add_object_handlers(Server& server, Door& door);

Json program_row(const Door& door, const Program& program);
Json map_row(const Door& door, const Map& map);
// {"id", "name", "entries": [...]} with "formatted" where the map has BTF.
base::Result<Json> dump_map(Map& map);

}  // namespace control
