// SPDX-License-Identifier: Apache-2.0
// ring.h — a ring buffer that this process waits for. Its descriptor is a memory file, which cannot be polled: a socket
// stands in for it, into which the daemon puts a byte when there is something new.
//
// Shape     found by descriptor and kept; the positions are mapped to be read, by a file that is not the handle, so
//           that the map can go when the program closes it.
// Threads   any. Lifetime: shared; a ring whose descriptor means something else by now is forgotten.
// Cost      find: fstat, and once per ring a question to the daemon.
#pragma once

#include <memory>

#include "base/types.h"
#include "base/unique_fd.h"

namespace preload {

class Ring {
 public:
  // Null: not the descriptor of a ring buffer of ours.
  static std::shared_ptr<Ring> find(int fd);
  ~Ring();

  // What is polled in its place: readable after raise() and after the daemon's word, until drain().
  int signal() const noexcept { return signal_.get(); }
  bool has_data() const noexcept;
  void raise() const noexcept;
  // Called when there was no data; what has come in between is not forgotten.
  void drain() const noexcept;

 private:
  Ring() = default;
  static std::shared_ptr<Ring> open(int fd);

  base::UniqueFd signal_;
  base::UniqueFd other_end_;
  const base::u64* consumer_ = nullptr;  // the producer's position is a page behind
};

}  // namespace preload
