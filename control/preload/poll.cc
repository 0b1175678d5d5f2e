// SPDX-License-Identifier: Apache-2.0
// poll and ppoll on ring buffers: the ring's socket is asked in its place.
#include <poll.h>

#include <memory>
#include <vector>

#include "control/preload/deadline.h"
#include "control/preload/next.h"
#include "control/preload/ring.h"
#include "control/preload/session.h"

namespace preload {
namespace {

struct Swapped {
  std::size_t at;
  std::shared_ptr<Ring> ring;
};

constexpr short kReadable = POLLIN | POLLRDNORM;

std::vector<Swapped> find_rings(const pollfd* fds, nfds_t count) {
  std::vector<Swapped> rings;
  if (!is_on()) return rings;
  for (nfds_t i = 0; i < count; ++i)
    if (fds[i].events & kReadable)
      if (auto ring = Ring::find(fds[i].fd)) rings.push_back({i, std::move(ring)});
  return rings;
}

// `wait`: the system's, with what is left of the time.
template <class Wait>
int poll_rings(pollfd* fds, nfds_t count, const std::vector<Swapped>& rings, const Deadline& deadline, Wait wait) {
  std::vector<pollfd> asked(fds, fds + count);
  for (const Swapped& swapped : rings) {
    asked[swapped.at].fd = swapped.ring->signal();
    if (swapped.ring->has_data()) swapped.ring->raise();
  }
  for (;;) {
    int ready = wait(asked.data());
    if (ready < 0) return ready;
    for (const Swapped& swapped : rings) {
      short& seen = asked[swapped.at].revents;
      if (seen == 0) continue;
      const bool data = swapped.ring->has_data();
      if (!data) swapped.ring->drain();
      seen = data ? short(fds[swapped.at].events & kReadable) : short(0);
      ready -= data ? 0 : 1;
    }
    if (ready == 0 && !deadline.is_over()) continue;
    for (nfds_t i = 0; i < count; ++i) fds[i].revents = asked[i].revents;
    return ready;
  }
}

int poll_all(pollfd* fds, nfds_t count, int timeout_ms) {
  static auto* const real = next<int(pollfd*, nfds_t, int)>("poll");
  const auto rings = find_rings(fds, count);
  if (rings.empty()) return real(fds, count, timeout_ms);
  const Deadline deadline(timeout_ms);
  return poll_rings(fds, count, rings, deadline, [&](pollfd* asked) { return real(asked, count, deadline.left_ms()); });
}

int ppoll_all(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  static auto* const real = next<int(pollfd*, nfds_t, const timespec*, const sigset_t*)>("ppoll");
  const auto rings = find_rings(fds, count);
  if (rings.empty()) return real(fds, count, timeout, mask);
  const Deadline deadline(timeout);
  timespec room;
  return poll_rings(fds, count, rings, deadline,
                    [&](pollfd* asked) { return real(asked, count, deadline.left(room), mask); });
}

}  // namespace
}  // namespace preload

extern "C" {

int poll(pollfd* fds, nfds_t count, int timeout_ms) {
  return preload::poll_all(fds, count, timeout_ms);
}

int ppoll(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask) {
  return preload::ppoll_all(fds, count, timeout, mask);
}

// What the two are called in programs that are compiled with checks; the length of the array is theirs.
int __poll_chk(pollfd* fds, nfds_t count, int timeout_ms, std::size_t) {
  return preload::poll_all(fds, count, timeout_ms);
}

int __ppoll_chk(pollfd* fds, nfds_t count, const timespec* timeout, const sigset_t* mask, std::size_t) {
  return preload::ppoll_all(fds, count, timeout, mask);
}

}  // extern "C"
