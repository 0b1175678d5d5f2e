// SPDX-License-Identifier: Apache-2.0
#include "control/unix_listener.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace control {
namespace {

base::Error sys_error(const std::string& where) {
  return {errno, where + ": " + std::strerror(errno)};
}

base::Result<sockaddr_un> make_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return base::Error(ENAMETOOLONG, path + ": too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

// Somebody listens there already, or a file of a daemon that died lies there.
base::Status clear_stale(const std::string& path, const sockaddr_un& address, int type) {
  struct stat st{};
  if (lstat(path.c_str(), &st) != 0) return base::success();
  if (!S_ISSOCK(st.st_mode)) return base::Error(EEXIST, path + ": exists and is not a socket");
  const base::UniqueFd probe(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (probe && connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    return base::Error(EADDRINUSE, path + ": another daemon answers there");
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return sys_error(path);
  return base::success();
}

}  // namespace

base::Result<base::UniqueFd> listen_at(const std::string& path, int type, bool for_all) {
  SLUICE_TRY(const sockaddr_un address, make_address(path));
  std::error_code failed;
  if (const auto folder = std::filesystem::path(path).parent_path(); !folder.empty())
    std::filesystem::create_directories(folder, failed);
  SLUICE_CHECK(clear_stale(path, address, type));
  base::UniqueFd listener(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener) return sys_error("socket");
  // Who may connect is judged by credentials; the file's mode keeps the rest from trying.
  const mode_t before = umask(for_all ? 0111 : 0177);
  const int bound = bind(listener.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  umask(before);
  if (bound != 0) return sys_error(path);
  if (listen(listener.get(), 64) != 0) return sys_error(path);
  return listener;
}

base::Result<base::UniqueFd> watch_listener(const base::UniqueFd& listener) {
  base::UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = listener.get();
  if (!epoll || epoll_ctl(epoll.get(), EPOLL_CTL_ADD, listener.get(), &event) != 0) return sys_error("epoll");
  return epoll;
}

base::Result<Peer> peer_of(int fd) {
  ucred credentials{};
  socklen_t len = sizeof credentials;
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &len) != 0) return sys_error("SO_PEERCRED");
  return Peer{credentials.pid, credentials.uid};
}

bool may_talk(uid_t uid, std::span<const uid_t> allow) {
  return uid == 0 || uid == geteuid() || std::ranges::find(allow, uid) != allow.end();
}

}  // namespace control
