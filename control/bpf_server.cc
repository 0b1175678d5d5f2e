// SPDX-License-Identifier: Apache-2.0
#include "control/bpf_server.h"

#include <linux/sockios.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <unordered_map>

#include "control/door_server.h"
#include "control/unix_listener.h"

namespace control {
namespace {

namespace load = bpf::load;

struct BpfConnection {
  BpfConnection(base::UniqueFd fd, Door& door, uid_t uid, bpf::Capabilities caps, std::shared_ptr<HandleTable> table,
                RingWatch* rings)
      : channel(std::move(fd)), server(door, uid, caps, std::move(table), rings) {}

  load::Channel channel;
  DoorServer server;
};

// It waits for our answer before it asks again; who does not has answers of ours unread.
bool has_read_its_answer(int fd) {
  int unread = 0;
  return ioctl(fd, SIOCOUTQ, &unread) == 0 && unread == 0;
}

base::Status add_watched(int epoll, int fd) {
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
    return base::Error(errno, std::string("epoll_ctl: ") + std::strerror(errno));
  return base::success();
}

// Each handle takes a descriptor here.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

class SeqpacketServer final : public BpfServer {
 public:
  SeqpacketServer(BpfServerConfig config, Door& door, base::UniqueFd listener, base::UniqueFd epoll,
                  std::unique_ptr<RingWatch> rings)
      : config_(std::move(config)),
        door_(door),
        listener_(std::move(listener)),
        epoll_(std::move(epoll)),
        rings_(std::move(rings)) {}
  ~SeqpacketServer() override { unlink(config_.path.c_str()); }

  int fd() const noexcept override { return epoll_.get(); }
  std::size_t client_count() const noexcept override { return connections_.size(); }
  void sweep() override {
    handles_->sweep();
    rings_->sweep();
  }

  bool poll(int timeout_ms) override {
    epoll_event events[kBpfMessagesPerPollMax];
    const int count = epoll_wait(epoll_.get(), events, kBpfMessagesPerPollMax, timeout_ms);
    bool watched = false;
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == listener_.get())
        accept_all();
      else if (events[i].data.fd == rings_->fd())
        rings_->poll();
      else if (std::ranges::find(watched_, events[i].data.fd) != watched_.end())
        watched = true;
      else
        serve(events[i].data.fd);
    }
    return watched;
  }

  base::Status watch(int fd) override {
    SLUICE_CHECK(add_watched(epoll_.get(), fd));
    watched_.push_back(fd);
    return base::success();
  }

 private:
  void accept_all() {
    for (;;) {
      base::UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) return;
      const auto peer = peer_of(fd.get());
      if (!peer || !may_talk(peer->uid, config_.allow) || connections_.size() >= kBpfClientsMax) continue;
      const int number = fd.get();
      if (!add_watched(epoll_.get(), number)) continue;
      connections_.insert_or_assign(
          number, std::make_unique<BpfConnection>(std::move(fd), door_, peer->uid,
                                                  may_talk(peer->uid, {}) ? bpf::Capabilities{} : bpf::kNoCapabilities,
                                                  handles_, rings_.get()));
    }
  }

  void serve(int number) {
    const auto row = connections_.find(number);
    if (row == connections_.end() || serve_one(*row->second)) return;
    connections_.erase(row);
    // What only this client had open is gone with it.
    handles_->sweep();
  }

  // False: the connection is done.
  static bool serve_one(BpfConnection& connection) {
    if (!has_read_its_answer(connection.channel.fd())) return false;
    auto message = connection.channel.receive(0);
    if (!message) return message.error().code() == ETIMEDOUT || message.error().code() == EAGAIN;
    return connection.server.serve(connection.channel, *message).ok();
  }

  BpfServerConfig config_;
  Door& door_;
  base::UniqueFd listener_;
  base::UniqueFd epoll_;
  std::vector<int> watched_;
  std::unique_ptr<RingWatch> rings_;
  std::shared_ptr<HandleTable> handles_ = std::make_shared<HandleTable>();
  std::unordered_map<int, std::unique_ptr<BpfConnection>> connections_;
};

}  // namespace

base::Result<std::unique_ptr<BpfServer>> BpfServer::listen(const BpfServerConfig& config, Door& door) {
  SLUICE_TRY(base::UniqueFd listener, listen_at(config.path, SOCK_SEQPACKET, !config.allow.empty()));
  SLUICE_TRY(base::UniqueFd epoll, watch_listener(listener));
  SLUICE_TRY(auto rings, RingWatch::make());
  SLUICE_CHECK(add_watched(epoll.get(), rings->fd()));
  raise_descriptor_limit();
  return std::unique_ptr<BpfServer>(
      std::make_unique<SeqpacketServer>(config, door, std::move(listener), std::move(epoll), std::move(rings)));
}

}  // namespace control
