// SPDX-License-Identifier: Apache-2.0
// bpf_server.h — the way in for other processes: a socket whose clients speak the wire of bpf/load/wire.h.
//
// Shape     a SEQPACKET socket; one DoorServer per connection, one table of handles for all of them. A client has one
//           message under way: what it sends before it has read the answer ends its connection, and so does an answer
//           that its socket does not take at once. So nothing is queued here, whoever stalls.
// Threads   one: whoever calls poll(). A command runs there to its end; no wait for a client ever does.
// Lifetime  the socket file goes with the server; handles that clients have open are dropped with it.
// Errors    a message that does not add up ends its connection. Beyond kBpfClientsMax a new connection is closed at
//           once.
// Cost      a command: one epoll_wait, one ioctl, one recvmsg, one sendmsg beside the command.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "control/door.h"

namespace control {

inline constexpr std::size_t kBpfClientsMax = 1024;  // a descriptor each; real hosts have some dozens of loaders
inline constexpr int kBpfMessagesPerPollMax = 64;    // then the caller looks after the rest of the daemon

struct BpfServerConfig {
  std::string path = "/run/sluice/sluice.sock.bpf";
  std::vector<uid_t> allow;  // beside root and the daemon's own user; they are unprivileged
};

class BpfServer {
 public:
  static base::Result<std::unique_ptr<BpfServer>> listen(const BpfServerConfig& config, Door& door);
  virtual ~BpfServer() = default;

  // Readable when poll() has something to do.
  virtual int fd() const noexcept = 0;
  // Waits until something is ready, at most `timeout_ms`, and serves it, at most kBpfMessagesPerPollMax messages. True
  // when a watched descriptor is ready.
  virtual bool poll(int timeout_ms = 0) = 0;
  // A descriptor of the caller's that ends the wait as well, so that one wait is enough for all.
  virtual base::Status watch(int fd) = 0;
  // Lets go of what clients closed without a word: once in a while.
  virtual void sweep() = 0;
  virtual std::size_t client_count() const noexcept = 0;
};

}  // namespace control
