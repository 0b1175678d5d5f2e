// SPDX-License-Identifier: Apache-2.0
// loader_process.h — sluice-loader as a child: started with one end of a socket pair, ended with this object.
//
// Threads   control thread. Lifetime: the destructor kills and reaps. Errors: ENOENT no loader; else of spawn and
//           channel.
#pragma once

#include <string>

#include "bpf/load/channel.h"

namespace control {

class LoaderProcess {
 public:
  // An empty `program`: sluice-loader beside the running executable.
  static base::Result<LoaderProcess> start(const std::string& program);
  LoaderProcess(LoaderProcess&& other) noexcept;
  LoaderProcess& operator=(LoaderProcess&&) = delete;
  ~LoaderProcess();

  bpf::load::Channel& channel() noexcept { return channel_; }
  // Reaps the child and says how it ended: "ended with status 1", "was killed by signal 9 (out of its limits?)".
  std::string wait();

 private:
  LoaderProcess(pid_t pid, bpf::load::Channel channel) : pid_(pid), channel_(std::move(channel)) {}

  pid_t pid_;
  bpf::load::Channel channel_;
};

// A program that stands beside the running executable, or a folder above it (tests run from below the build folder).
base::Result<std::string> find_beside(const std::string& name);

}  // namespace control
