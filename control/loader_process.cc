// SPDX-License-Identifier: Apache-2.0
#include "control/loader_process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "bpf/load/loader_limits.h"

namespace control {

base::Result<std::string> find_beside(const std::string& name) {
  std::error_code failed;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", failed);
  if (failed) return base::Error(failed.value(), "the running program cannot be found");
  auto folder = self.parent_path();
  for (int up = 0; up < 5; ++up, folder = folder.parent_path()) {
    const auto candidate = folder / name;
    if (access(candidate.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(candidate, failed))
      return candidate.string();
  }
  return base::Error(ENOENT, "there is no program '" + name + "' beside " + self.string());
}

base::Result<LoaderProcess> LoaderProcess::start(const std::string& given) {
  std::string program = given;
  if (program.empty()) {
    SLUICE_TRY(program, find_beside("sluice-loader"));
  }
  SLUICE_TRY(auto ends, bpf::load::make_channel_pair());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Both ends are close-on-exec; the child's copy on the agreed number is not. dup2 onto itself would keep the flag.
  base::UniqueFd child(fcntl(ends.second.get(), F_DUPFD_CLOEXEC, bpf::load::kLoaderSocket + 1));
  posix_spawn_file_actions_adddup2(&actions, child.get(), bpf::load::kLoaderSocket);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  char* const argv[] = {const_cast<char*>("sluice-loader"), nullptr};
  char* const environment[] = {nullptr};
  pid_t pid = -1;
  const int rc = posix_spawn(&pid, program.c_str(), &actions, &attributes, argv, environment);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (rc != 0) return base::Error(rc, "cannot start " + program + ": " + std::strerror(rc));
  return LoaderProcess(pid, bpf::load::Channel(std::move(ends.first)));
}

LoaderProcess::LoaderProcess(LoaderProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), channel_(std::move(other.channel_)) {}

LoaderProcess::~LoaderProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  wait();
}

std::string LoaderProcess::wait() {
  if (pid_ <= 0) return "has ended";
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
  if (WIFSIGNALED(status))
    return "was killed by signal " + std::to_string(WTERMSIG(status)) + " (out of its limits, or a fault in libbpf)";
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

}  // namespace control
