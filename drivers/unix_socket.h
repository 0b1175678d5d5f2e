// SPDX-License-Identifier: Apache-2.0
// unix_socket.h — the path that a port's driver listens on: found clean, and left clean.
//
// Shape     listen() claims the path for a port of this process; what a dead process left there is removed. The claim
//           removes the socket when the last one of its path goes, if nobody listens there any more.
// Threads   control thread.
// Lifetime  declare it so that it is let go after the device is gone.
// Errors    ENOENT no directory; EEXIST something that is no socket; EADDRINUSE a living process listens, or (shared
//           false) another port of this one; EINVAL not an absolute path that fits a socket address.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"
#include "base/types.h"

namespace drivers {

// What stands at the path of a socket. `type`: SOCK_STREAM or SOCK_SEQPACKET.
enum class SocketState { absent, stale, alive, other };
SocketState probe_socket(const std::string& path, int type);

// Absolute, at most 107 characters, without a comma, which would end a driver's argument.
base::Status check_socket_path(const std::string& path);

class ListenPath {
 public:
  ListenPath() = default;
  ListenPath(ListenPath&& other) noexcept : path_(std::exchange(other.path_, {})), type_(other.type_) {}
  ListenPath& operator=(ListenPath&&) = delete;
  ~ListenPath();

  // `shared`: several ports of this process may listen on the one socket.
  static base::Result<ListenPath> listen(const std::string& path, int type, bool shared);

 private:
  std::string path_;
  int type_ = 0;
};

}  // namespace drivers
