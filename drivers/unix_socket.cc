// SPDX-License-Identifier: Apache-2.0
#include "drivers/unix_socket.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

namespace drivers {
namespace {

// Paths that ports of this process listen on, with how many do.
std::map<std::string, base::u32>& claims() {
  static std::map<std::string, base::u32> counts;
  return counts;
}

base::Status clear_path(const std::string& path, int type) {
  const auto parent = std::filesystem::path(path).parent_path();
  std::error_code error;
  if (!std::filesystem::is_directory(parent, error))
    return base::Error(ENOENT, "socket " + path + ": there is no directory " + parent.string());
  switch (probe_socket(path, type)) {
    case SocketState::stale:
      if (unlink(path.c_str()) != 0)
        return base::Error(errno, "socket " + path + ": stale, cannot be removed: " + std::strerror(errno));
      return base::success();
    case SocketState::other:
      return base::Error(EEXIST, "socket " + path + ": something that is no socket is there");
    case SocketState::alive:
      return base::Error(EADDRINUSE, "socket " + path + ": another process listens there");
    case SocketState::absent:
      return base::success();
  }
  return base::success();
}

}  // namespace

SocketState probe_socket(const std::string& path, int type) {
  std::error_code error;
  const auto status = std::filesystem::symlink_status(path, error);
  if (!std::filesystem::exists(status)) return SocketState::absent;
  if (!std::filesystem::is_socket(status)) return SocketState::other;
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  const bool connected = connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int code = errno;
  close(fd);
  return connected || code != ECONNREFUSED ? SocketState::alive : SocketState::stale;
}

base::Status check_socket_path(const std::string& path) {
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path) || path[0] != '/')
    return base::Error(EINVAL, "socket must be an absolute path of at most 107 characters");
  if (path.find(',') != std::string::npos) return base::Error(EINVAL, "socket cannot hold a comma");
  return base::success();
}

base::Result<ListenPath> ListenPath::listen(const std::string& path, int type, bool shared) {
  base::u32& count = claims()[path];
  if (count != 0 && !shared) return base::Error(EADDRINUSE, "socket " + path + ": another port listens there");
  if (count == 0)
    if (auto status = clear_path(path, type); !status) {
      claims().erase(path);
      return std::move(status).error();
    }
  ++count;
  ListenPath claim;
  claim.path_ = path;
  claim.type_ = type;
  return claim;
}

ListenPath::~ListenPath() {
  if (path_.empty() || --claims()[path_] != 0) return;
  claims().erase(path_);
  if (probe_socket(path_, type_) == SocketState::stale) unlink(path_.c_str());
}

}  // namespace drivers
