// SPDX-License-Identifier: Apache-2.0
#include "control/ring_watch.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace control {
namespace {

// Another open file of the same memory: without the lock that says a handle is open.
base::UniqueFd open_to_read(int memory) {
  const std::string path = "/proc/self/fd/" + std::to_string(memory);
  return base::UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

bool is_gone(int socket) {
  pollfd one{socket, 0, 0};
  return ::poll(&one, 1, 0) != 0;
}

}  // namespace

base::Result<std::unique_ptr<RingWatch>> RingWatch::make() {
  base::UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return base::Error(errno, std::string("epoll_create1: ") + std::strerror(errno));
  return std::unique_ptr<RingWatch>(new RingWatch(std::move(epoll)));
}

RingWatch::~RingWatch() = default;

std::vector<base::UniqueFd> RingWatch::add(const std::shared_ptr<Object>& object, int socket) {
  if (object->kind() != ObjectKind::map) return {};
  if (watchers_ >= kRingWatchersMax) drop_gone();
  if (watchers_ >= kRingWatchersMax) return {};
  const auto& map = static_cast<const Map&>(*object);
  if (map.spec().type != bpf::BPF_MAP_TYPE_RINGBUF) return {};
  base::UniqueFd positions = open_to_read(map.memory_fd());
  base::UniqueFd copy(fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (!positions || !copy) return {};
  Row& row = rows_[map.id()];
  if (!row.wake) {
    row.map = object;
    row.wake.reset(fcntl(map.wake_fd(), F_DUPFD_CLOEXEC, 0));
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = map.id();
    if (!row.wake || epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, row.wake.get(), &event) != 0) {
      rows_.erase(map.id());
      return {};
    }
  }
  row.sockets.push_back(std::move(copy));
  ++watchers_;
  std::vector<base::UniqueFd> out;
  out.push_back(std::move(positions));
  return out;
}

void RingWatch::poll() {
  std::array<epoll_event, 64> events;
  const int count = epoll_wait(epoll_.get(), events.data(), int(events.size()), 0);
  for (int i = 0; i < count; ++i)
    if (const auto row = rows_.find(events[std::size_t(i)].data.u32); row != rows_.end()) tell(row->second);
}

void RingWatch::tell(Row& row) {
  u64 times = 0;
  if (read(row.wake.get(), &times, sizeof times) < 0) return;
  watchers_ -= std::erase_if(row.sockets, [](const base::UniqueFd& socket) {
    return send(socket.get(), "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0 && errno != EAGAIN;
  });
}

void RingWatch::drop_gone() {
  for (auto& [id, row] : rows_)
    watchers_ -= std::erase_if(row.sockets, [](const base::UniqueFd& socket) { return is_gone(socket.get()); });
}

void RingWatch::sweep() {
  std::erase_if(rows_, [this](const auto& row) {
    if (!row.second.map.expired()) return false;
    watchers_ -= row.second.sockets.size();
    return true;
  });
}

}  // namespace control
