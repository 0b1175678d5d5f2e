// SPDX-License-Identifier: Apache-2.0
#include "control/server.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "base/types.h"

namespace control {
namespace {

using base::u32;
using base::u64;

u64 now_s() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return u64(t.tv_sec);
}

std::string frame(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > Server::kReplyBytesMax)
    text = Json{{"error", "the answer is longer than 256 MiB"}, {"errno", EMSGSIZE}}.dump();
  const u32 size = u32(text.size());
  return std::string(reinterpret_cast<const char*>(&size), sizeof size) + text;
}

std::string error_frame(int code, const std::string& sentence) { return frame({{"error", sentence}, {"errno", code}}); }

struct Connection {
  base::UniqueFd fd;
  Peer peer;
  std::string in;
  std::string out;
  std::size_t sent = 0;
  u64 out_since_s = 0;
  bool close_when_sent = false;
};

class UnixServer final : public Server {
 public:
  UnixServer(ServerConfig config, base::UniqueFd listener, base::UniqueFd epoll)
      : config_(std::move(config)), listener_(std::move(listener)), epoll_(std::move(epoll)) {}
  ~UnixServer() override { unlink(config_.path.c_str()); }

  void add(const std::string& noun, const std::string& verb, Handler handler) override {
    handlers_.emplace(noun + " " + verb, std::move(handler));
  }
  int fd() const noexcept override { return epoll_.get(); }

  void poll(int timeout_ms) override {
    epoll_event events[16];
    const int count = epoll_wait(epoll_.get(), events, 16, timeout_ms);
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == listener_.get()) accept_all();
      else serve(events[i].data.fd, events[i].events);
    }
    drop_slow();
  }

 private:
  void accept_all() {
    for (;;) {
      base::UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!fd) return;
      Connection connection;
      const auto peer = peer_of(fd.get());
      if (!peer) continue;
      connection.peer = *peer;
      if (!may_talk(peer->uid, config_.allow))
        refuse(connection, EPERM, "permission denied: the daemon belongs to another user");
      else if (connections_.size() >= kClientsMax) refuse(connection, EBUSY, "too many connections to the daemon");
      epoll_event event{};
      event.events = connection.out.empty() ? EPOLLIN : EPOLLOUT;
      event.data.fd = fd.get();
      // A refused one is not kept beyond the bound: its sentence fits the socket's buffer.
      if (connection.close_when_sent) {
        (void)!send(fd.get(), connection.out.data(), connection.out.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        continue;
      }
      if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) continue;
      const int number = fd.get();
      connection.fd = std::move(fd);
      connections_.insert_or_assign(number, std::move(connection));
    }
  }

  static void refuse(Connection& connection, int code, const std::string& sentence) {
    connection.out = error_frame(code, sentence);
    connection.close_when_sent = true;
  }

  void serve(int number, u32 events) {
    const auto row = connections_.find(number);
    if (row == connections_.end()) return;
    Connection& connection = row->second;
    bool alive = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && connection.out.empty()) alive = receive(connection);
    // Requests that came together are answered one after the other, each when the answer before it is out.
    do {
      if (alive && !connection.out.empty()) alive = flush(connection);
    } while (alive && connection.out.empty() && take_request(connection));
    if (!alive) {
      connections_.erase(number);
      return;
    }
    watch(connection);
  }

  void watch(const Connection& connection) {
    epoll_event event{};
    event.events = connection.out.empty() ? EPOLLIN : EPOLLOUT;
    event.data.fd = connection.fd.get();
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event);
  }

  // False: the connection is done.
  bool receive(Connection& connection) {
    char chunk[4096];
    for (;;) {
      const ssize_t n = recv(connection.fd.get(), chunk, sizeof chunk, MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
      if (n == 0) return false;
      connection.in.append(chunk, std::size_t(n));
      if (take_request(connection)) return true;
      if (connection.in.size() > kRequestBytesMax + sizeof(u32)) return false;
    }
  }

  bool take_request(Connection& connection) {
    u32 size = 0;
    if (connection.in.size() < sizeof size) return false;
    std::memcpy(&size, connection.in.data(), sizeof size);
    if (size > kRequestBytesMax) {
      refuse(connection, EMSGSIZE, "request is longer than 64 KiB");
      return true;
    }
    if (connection.in.size() < sizeof size + size) return false;
    const std::string text = connection.in.substr(sizeof size, size);
    connection.in.erase(0, sizeof size + size);
    connection.out = answer(text, connection.peer);
    connection.sent = 0;
    connection.out_since_s = now_s();
    return true;
  }

  std::string answer(const std::string& text, const Peer& peer) {
    const Json request = Json::parse(text, nullptr, false);
    if (!request.is_object()) return error_frame(EINVAL, "request is not a JSON object");
    const auto word = [&request](const char* key) {
      return request.contains(key) && request[key].is_string() ? request[key].get<std::string>() : std::string();
    };
    const auto handler = handlers_.find(word("noun") + " " + word("verb"));
    if (handler == handlers_.end())
      return error_frame(EINVAL, "the daemon knows no '" + word("noun") + " " + word("verb") + "'");
    const Json args = request.contains("args") && request["args"].is_object() ? request["args"] : Json::object();
    auto value = call(handler->second, args, peer);
    if (!value) return error_frame(value.error().code(), value.error().what());
    return frame({{"value", *std::move(value)}});
  }

  // The JSON library answers a field of the wrong type with an exception: it ends here.
  static base::Result<Json> call(const Handler& handler, const Json& args, const Peer& peer) {
    try {
      return handler(args, peer);
    } catch (const Json::exception&) {
      return base::Error(EINVAL, "a field of the request has the wrong type");
    }
  }

  static bool flush(Connection& connection) {
    while (connection.sent < connection.out.size()) {
      const ssize_t n = send(connection.fd.get(), connection.out.data() + connection.sent,
                             connection.out.size() - connection.sent, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return errno == EAGAIN || errno == EWOULDBLOCK;
      connection.sent += std::size_t(n);
    }
    connection.out.clear();
    return !connection.close_when_sent;
  }

  void drop_slow() {
    const u64 now = now_s();
    std::erase_if(connections_, [now](const auto& row) {
      return !row.second.out.empty() && now - row.second.out_since_s > u64{kDrainSecondsMax};
    });
  }

  ServerConfig config_;
  base::UniqueFd listener_;
  base::UniqueFd epoll_;
  std::map<std::string, Handler> handlers_;
  std::map<int, Connection> connections_;
};

}  // namespace

base::Result<std::unique_ptr<Server>> Server::listen(const ServerConfig& config) {
  SLUICE_TRY(base::UniqueFd listener, listen_at(config.path, SOCK_STREAM, !config.allow.empty()));
  SLUICE_TRY(base::UniqueFd epoll, watch_listener(listener));
  return std::unique_ptr<Server>(std::make_unique<UnixServer>(config, std::move(listener), std::move(epoll)));
}

}  // namespace control
