// SPDX-License-Identifier: Apache-2.0
// sluiced: the appliance daemon.
#include <signal.h>

#include "control/daemon/daemon.h"

int main(int argc, char** argv) {
  auto options = control::parse_options(argc, argv);
  if (const auto* code = std::get_if<control::ExitCode>(&options)) return *code;

  // Before any thread exists: every one of them inherits the mask, and the control thread reads signals from a
  // descriptor.
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return control::run_daemon(std::get<control::DaemonOptions>(options));
}
