// SPDX-License-Identifier: Apache-2.0
// unix_listener.h — a listening unix socket at a path, and who may talk to it.
//
// Errors    EADDRINUSE when another daemon answers there; a stale file of a dead one is replaced.
#pragma once

#include <sys/types.h>

#include <span>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace control {

struct Peer {
  pid_t pid = 0;
  uid_t uid = 0;
};

// `type`: SOCK_STREAM or SOCK_SEQPACKET. for_all: others than root and the daemon's own user may try to connect, too.
// The folder is made if it is missing; the socket does not block and is closed on exec.
base::Result<base::UniqueFd> listen_at(const std::string& path, int type, bool for_all);
// An epoll instance that waits for callers of `listener`; the event's datum is the listener's number.
base::Result<base::UniqueFd> watch_listener(const base::UniqueFd& listener);
// Who is at the other end, as the system knows it.
base::Result<Peer> peer_of(int fd);
// Root and the daemon's own user may always.
bool may_talk(uid_t uid, std::span<const uid_t> allow);

}  // namespace control
