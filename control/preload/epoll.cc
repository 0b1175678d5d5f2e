// SPDX-License-Identifier: Apache-2.0
// epoll on ring buffers. The ring's socket is in the set in its place; what a program wants back in an event is kept
// here, and the event carries the address of the row instead, so that events of others are told apart.
#include <sys/epoll.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <memory>
#include <mutex>

#include "control/preload/deadline.h"
#include "control/preload/next.h"
#include "control/preload/ring.h"

namespace preload {
namespace {

struct Watch {
  int epoll;
  int fd;
  std::shared_ptr<Ring> ring;
  epoll_event wanted;  // with the program's own data
};

std::mutex mutex;
std::atomic<bool> any = false;  // most programs never watch a ring: they pay nothing, and a child of theirs cannot hang
std::map<base::u64, std::unique_ptr<Watch>>& watches() {
  static auto* const all = new std::map<base::u64, std::unique_ptr<Watch>>;
  return *all;
}

using Control = int(int, int, int, epoll_event*);

Control* real_control() {
  static auto* const real = next<Control>("epoll_ctl");
  return real;
}

epoll_event event_of(const Watch& watch) {
  epoll_event event{};
  event.events = watch.wanted.events;
  event.data.u64 = reinterpret_cast<base::u64>(&watch);
  return event;
}

auto find_watch(int epoll, int fd) {
  auto& all = watches();
  auto row = all.begin();
  while (row != all.end() && (row->second->epoll != epoll || row->second->fd != fd)) ++row;
  return row;
}

int control(int epoll, int op, int fd, epoll_event* event) {
  auto ring = Ring::find(fd);
  if (!ring) return real_control()(epoll, op, fd, event);
  if (op != EPOLL_CTL_DEL && !event) return errno = EFAULT, -1;
  const std::lock_guard lock(mutex);
  const auto row = find_watch(epoll, fd);
  const int signal = ring->signal();
  if (op == EPOLL_CTL_ADD) {
    auto watch = std::make_unique<Watch>(Watch{epoll, fd, ring, *event});
    epoll_event ours = event_of(*watch);
    if (const int rc = real_control()(epoll, op, signal, &ours); rc != 0) return rc;
    // A row of a set that is gone may have had the same number.
    if (row != watches().end()) watches().erase(row);
    const auto key = ours.data.u64;
    watches().emplace(key, std::move(watch));
    any = true;
    if (ring->has_data()) ring->raise();
    return 0;
  }
  if (op == EPOLL_CTL_MOD && row != watches().end()) {
    row->second->wanted = *event;
    epoll_event ours = event_of(*row->second);
    return real_control()(epoll, op, signal, &ours);
  }
  const int rc = real_control()(epoll, op, signal, event);
  if (op == EPOLL_CTL_DEL && rc == 0 && row != watches().end()) watches().erase(row);
  return rc;
}

// Gives the program its own data back and leaves out rings that have nothing. Returns the events that are left.
int translate(epoll_event* events, int count) {
  const std::lock_guard lock(mutex);
  int kept = 0;
  for (int i = 0; i < count; ++i) {
    const auto row = watches().find(events[i].data.u64);
    if (row == watches().end()) {
      events[kept++] = events[i];
      continue;
    }
    const Watch& watch = *row->second;
    if (watch.ring->has_data()) {
      events[kept] = events[i];
      events[kept++].data = watch.wanted.data;
      continue;
    }
    watch.ring->drain();
    if (watch.wanted.events & EPOLLONESHOT) {
      epoll_event again = event_of(watch);
      real_control()(watch.epoll, EPOLL_CTL_MOD, watch.ring->signal(), &again);
    }
  }
  return kept;
}

// `wait`: the system's, with what is left of the time.
template <class Wait>
int wait_for(epoll_event* events, const Deadline& deadline, Wait wait) {
  for (;;) {
    const int count = wait();
    if (count <= 0 || !any) return count;
    if (const int kept = translate(events, count); kept > 0 || deadline.is_over()) return kept;
  }
}

}  // namespace
}  // namespace preload

extern "C" {

int epoll_ctl(int epoll, int op, int fd, epoll_event* event) noexcept {
  return preload::control(epoll, op, fd, event);
}

int epoll_wait(int epoll, epoll_event* events, int max, int timeout_ms) {
  static auto* const real = preload::next<int(int, epoll_event*, int, int)>("epoll_wait");
  const preload::Deadline deadline(timeout_ms);
  return preload::wait_for(events, deadline, [&] { return real(epoll, events, max, deadline.left_ms()); });
}

int epoll_pwait(int epoll, epoll_event* events, int max, int timeout_ms, const sigset_t* mask) {
  static auto* const real = preload::next<int(int, epoll_event*, int, int, const sigset_t*)>("epoll_pwait");
  const preload::Deadline deadline(timeout_ms);
  return preload::wait_for(events, deadline, [&] { return real(epoll, events, max, deadline.left_ms(), mask); });
}

int epoll_pwait2(int epoll, epoll_event* events, int max, const timespec* timeout, const sigset_t* mask) {
  static auto* const real =
      preload::next<int(int, epoll_event*, int, const timespec*, const sigset_t*)>("epoll_pwait2");
  const preload::Deadline deadline(timeout);
  timespec room;
  return preload::wait_for(events, deadline, [&] { return real(epoll, events, max, deadline.left(room), mask); });
}

}  // extern "C"
