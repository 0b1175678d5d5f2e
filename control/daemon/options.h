// SPDX-License-Identifier: Apache-2.0
// options.h — the command line of sluiced.
//
// Shape     sluiced -c FILE [--check [-j]] [--until-drained] [--no-cache] [--socket PATH] [-- EAL ARGS]
// Errors    parse_options prints usage or the mistake itself and returns the exit code to leave with.
#pragma once

#include <string>
#include <variant>
#include <vector>

namespace control {

struct DaemonOptions {
  std::string config_path;
  bool check = false;          // same code as start, up to the verification of every program; opens no port
  bool json = false;           // --check: diagnostics as JSON
  bool until_drained = false;  // leave when every finite source (pcap without loop) has been read and is through
  bool quiet = false;          // no live table
  bool no_cache = false;       // neither read nor write the object cache, whatever the file says
  std::string socket_path;     // control socket
  std::vector<std::string> eal_arguments;
};

// Exit codes of sysexits.h that the service unit knows (docs/config.md).
enum ExitCode : int { kExitOk = 0, kExitFailed = 1, kExitUsage = 2, kExitUnavailable = 69, kExitInternal = 70,
                      kExitNoPermission = 77, kExitConfig = 78 };

std::variant<DaemonOptions, ExitCode> parse_options(int argc, char** argv);

// Where the control socket is when nobody says otherwise: /run/sluice for root, the user's runtime directory else.
std::string default_socket_path();

}  // namespace control
