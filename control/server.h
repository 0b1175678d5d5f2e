// SPDX-License-Identifier: Apache-2.0
// server.h — the control socket: requests in JSON, a table of handlers by noun and verb.
//
// Shape     a unix stream socket; each message is a 32-bit length in host order and that many bytes of JSON.
//             request  {"noun": "prog", "verb": "show", "args": {...}}
//             reply    {"value": ...} or {"error": sentence, "errno": n}
//           A connection is read again only when its reply is out, so it queues at most one request and one reply.
// Threads   one: whoever calls poll(). Handlers run there and must not block.
// Lifetime  the socket file goes with the server.
// Errors    listen(): EADDRINUSE when another daemon answers there; a stale file of a dead one is replaced.
// Cost      a request: two reads and a write; kClientsMax connections.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "control/unix_listener.h"

namespace control {

// Keys stay in the order in which they are written: people read this.
using Json = nlohmann::ordered_json;

using Handler = std::function<base::Result<Json>(const Json& args, const Peer& peer)>;

struct ServerConfig {
  std::string path = "/run/sluice/sluice.sock";
  std::vector<uid_t> allow;   // beside root and the daemon's own user
};

class Server {
 public:
  static constexpr std::size_t kClientsMax = 64;             // people and scripts, not packets
  static constexpr std::size_t kRequestBytesMax = 64 << 10;  // the longest request names a few identifiers
  static constexpr std::size_t kReplyBytesMax = 256 << 20;   // a dump of a map of some million entries
  static constexpr int kDrainSecondsMax = 30;                // a client that does not read its reply is dropped

  static base::Result<std::unique_ptr<Server>> listen(const ServerConfig& config);
  virtual ~Server() = default;

  // REQUIRES: no handler for these words yet.
  virtual void add(const std::string& noun, const std::string& verb, Handler handler) = 0;
  // Readable when poll() has something to do.
  virtual int fd() const noexcept = 0;
  // Serves what is ready, waiting at most timeout_ms for it (0: not at all).
  virtual void poll(int timeout_ms) = 0;
};

}  // namespace control
