// SPDX-License-Identifier: Apache-2.0
// daemon.h — sluiced from its command line to its exit code: check, start, serve, stop.
//
// Shape     read the file -> decide (assemble) -> load and verify every program -> [--check ends here] -> EAL, ports,
//           workers -> attach -> serve until a signal or until drained -> stop -> accounting.
//           Everything that can be refused is refused before the first port is opened.
// Threads   the calling thread is the control thread. SIGINT and SIGTERM must be blocked in it.
// Errors    told on stderr, one sentence with its place each; the return value is the exit code.
#pragma once

#include "control/daemon/options.h"

namespace control {

ExitCode run_daemon(const DaemonOptions& options);

}  // namespace control
