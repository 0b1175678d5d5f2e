// SPDX-License-Identifier: Apache-2.0
// The command gets the preload library and a mount name space of its own, in which /sys/fs/bpf is the daemon's folder
// of pins and /sys/kernel/btf has the daemon's types. Without the right to make one, the library alone does what it
// can.
#include "control/cli/exec.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "bpf/load/client.h"

namespace control::cli {
namespace {

namespace load = bpf::load;

constexpr const char* kBpffs = "/sys/fs/bpf";
constexpr const char* kTypesFolder = "/sys/kernel/btf";

base::Result<load::Channel> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return base::Error(EINVAL, path + ": too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  base::UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return base::Error(ECONNREFUSED, "no daemon answers at " + path + ": " + std::strerror(errno));
  return load::Channel(std::move(fd));
}

// Beside this program, as in the build folder, or where it is installed.
base::Result<std::string> find_library() {
  std::error_code failed;
  const auto folder = std::filesystem::read_symlink("/proc/self/exe", failed).parent_path();
  for (const char* place : {".", "../lib", "../lib/x86_64-linux-gnu"}) {
    const auto path = (folder / place / "libsluice_preload.so").lexically_normal();
    if (access(path.c_str(), R_OK) == 0) return path.string();
  }
  return base::Error(ENOENT, "libsluice_preload.so is not beside this program");
}

bool write_file(const std::string& path, const std::string& bytes) {
  const base::UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
  return fd && write(fd.get(), bytes.data(), bytes.size()) == ssize_t(bytes.size());
}

// What cannot be mounted is left as it is: then the library answers for it where it can. True: pins are at kBpffs.
bool make_view(const std::string& pin_root, const std::string& types) {
  if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) != 0) return false;
  const bool typed = !types.empty() && mount("sluice", kTypesFolder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") == 0;
  if (typed && !write_file(std::string(kTypesFolder) + "/vmlinux", types)) umount(kTypesFolder);
  // What was mounted there before, a real BPF file system, would only be seen in lists of mounts.
  while (umount2(kBpffs, MNT_DETACH) == 0) {
  }
  return !pin_root.empty() && mount(pin_root.c_str(), kBpffs, nullptr, MS_BIND, nullptr) == 0;
}

void put_first(const char* variable, const std::string& value) {
  const char* before = getenv(variable);
  setenv(variable, (before && *before ? value + ":" + before : value).c_str(), 1);
}

}  // namespace

base::Error exec_command(const std::string& socket, std::span<const std::string> command) {
  if (command.empty()) return {EINVAL, "exec: which command? sluice exec [-s SOCKET] -- COMMAND ..."};
  const std::string path = socket + ".bpf";
  auto channel = connect_to(path);
  if (!channel) return std::move(channel).error();
  auto pin_root = load::ask(*channel, load::Question::pin_root);
  if (!pin_root) return {ECONNREFUSED, "the daemon at " + path + " does not answer: " + pin_root.error().what()};
  auto types = load::ask(*channel, load::Question::host_types);
  auto library = find_library();
  if (!library) return std::move(library).error();
  const bool at_bpffs = make_view(*pin_root, types ? *types : std::string());
  put_first("LD_PRELOAD", *library);
  setenv("SLUICE_SOCKET", std::filesystem::absolute(path).c_str(), 1);
  setenv("SLUICE_PINS", at_bpffs ? kBpffs : pin_root->c_str(), 1);
  std::vector<char*> argv;
  for (const std::string& word : command) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  return {errno, command[0] + ": " + std::strerror(errno)};
}

}  // namespace control::cli
