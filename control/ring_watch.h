// SPDX-License-Identifier: Apache-2.0
// ring_watch.h — clients that wait for ring buffers: what workers tell their map's eventfd goes on to each client's
// socket.
//
// Shape     one row per map with watchers. A client never gets the eventfd itself: who has it could fill it and make
//           the workers' write wait. Its socket is written to without waiting; one byte that it has not read is as good
//           as two.
// Threads   control thread.
// Lifetime  a watch ends with the client's end of its socket; the row with its map.
// Errors    what cannot be watched gets nothing: not a ring buffer, kRingWatchersMax reached.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/unique_fd.h"
#include "control/object.h"

namespace control {

inline constexpr std::size_t kRingWatchersMax = 1024;  // a descriptor each

class RingWatch {
 public:
  static base::Result<std::unique_ptr<RingWatch>> make();
  ~RingWatch();

  // Readable when poll() has something to pass on.
  int fd() const noexcept { return epoll_.get(); }
  // A byte goes to a copy of `socket` whenever there is something new in the map. Answers what the client may map to
  // read the positions: it does not keep the map alive. Empty: not watched.
  std::vector<base::UniqueFd> add(const std::shared_ptr<Object>& object, int socket);
  void poll();
  // Lets go of maps that are gone.
  void sweep();

 private:
  explicit RingWatch(base::UniqueFd epoll) : epoll_(std::move(epoll)) {}

  struct Row {
    std::weak_ptr<Object> map;
    base::UniqueFd wake;  // ours; the map has another one of the same
    std::vector<base::UniqueFd> sockets;
  };
  void tell(Row& row);
  void drop_gone();

  base::UniqueFd epoll_;
  std::map<u32, Row> rows_;  // by map id
  std::size_t watchers_ = 0;
};

}  // namespace control
