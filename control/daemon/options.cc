// SPDX-License-Identifier: Apache-2.0
#include "control/daemon/options.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>

namespace control {

std::string default_socket_path() {
  if (geteuid() == 0) return "/run/sluice/sluice.sock";
  if (const char* dir = std::getenv("XDG_RUNTIME_DIR")) return std::string(dir) + "/sluice/sluice.sock";
  return "/tmp/sluice-" + std::to_string(geteuid()) + "/sluice.sock";
}

std::variant<DaemonOptions, ExitCode> parse_options(int argc, char** argv) {
  DaemonOptions options;
  options.socket_path = default_socket_path();
  // Everything behind "--" belongs to DPDK.
  int own = argc;
  for (int i = 1; i < argc; ++i)
    if (std::string(argv[i]) == "--") {
      own = i;
      options.eal_arguments.assign(argv + i + 1, argv + argc);
      break;
    }

  CLI::App app("sluiced: runs eBPF network programs on DPDK, as one YAML file says");
  app.footer(
      "EAL arguments follow after --. Exit codes: 0 ok, 1 failed, 2 usage, 69 unavailable, 70 internal, 77 permission, "
      "78 configuration.");
  app.add_option("-c,--config", options.config_path, "configuration file")->required();
  app.add_flag("--check", options.check, "check the file and verify its programs, open nothing, report what is needed");
  app.add_flag("-j,--json", options.json, "with --check: diagnostics as JSON");
  app.add_flag("--until-drained", options.until_drained, "stop when every finite source has been read");
  app.add_flag("-q,--quiet", options.quiet, "no live table");
  app.add_flag("--no-cache", options.no_cache, "leave the object cache alone");
  app.add_option("-s,--socket", options.socket_path, "control socket")->capture_default_str();
  app.set_version_flag("--version", std::string("sluiced ") + SLUICE_VERSION);
  try {
    app.parse(own, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kExitOk : kExitUsage;
  }
  return options;
}

}  // namespace control
