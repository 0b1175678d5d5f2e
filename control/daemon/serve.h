// SPDX-License-Identifier: Apache-2.0
// serve.h — the time between start and stop: the sockets, the live table, the drain, the final accounting.
//
// Threads   control thread; workers run beside it. Returns when a signal came or, if asked so, when all input is
//           through.
#pragma once

#include "control/bpf_server.h"
#include "control/daemon/appliance.h"
#include "control/daemon/compiler.h"
#include "control/daemon/options.h"
#include "control/daemon/port_hooks.h"
#include "control/server.h"

namespace control {

struct Serving {
  const DaemonOptions& options;
  Appliance& appliance;
  Server& server;
  BpfServer& bpf_server;
  Door& door;
  Compiler& compiler;
  DataplaneHooks& hooks;
};

// kExitFailed if the accounting does not close.
ExitCode serve_appliance(const Serving& serving);

// `port show` and `worker show` on the control socket.
void add_data_path_handlers(Server& server, Appliance& appliance);

}  // namespace control
