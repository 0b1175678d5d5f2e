// SPDX-License-Identifier: Apache-2.0
// Sockets of NETLINK_ROUTE. The program gets one end of a socket pair; what it sends is a question to the daemon, and
// the datagrams of the answer are put into the other end, so that receiving, waiting and looking ahead need nothing.
// Only the sender's address is filled in. No notification ever comes.
#include <fcntl.h>
#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "bpf/load/route_fds.h"
#include "control/preload/next.h"
#include "control/preload/session.h"

namespace preload {
namespace {

namespace load = bpf::load;

constexpr int kHighDescriptor = 900;  // as the connection's
constexpr int kNetlinkLevel = 270;    // SOL_NETLINK

struct RouteSocket {
  int fd = -1;           // as it was made
  base::UniqueFd other;  // where answers are put in
  std::atomic<base::u32> port = 0;
  std::atomic<bool> error_texts = false;
};

std::mutex mutex;
std::atomic<bool> any = false;
std::map<ino_t, std::shared_ptr<RouteSocket>>& sockets() {
  static auto* const all = new std::map<ino_t, std::shared_ptr<RouteSocket>>;
  return *all;
}

ino_t inode_of(int fd) {
  struct stat st{};
  return fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode) ? st.st_ino : 0;
}

std::shared_ptr<RouteSocket> find(int fd) {
  if (!any) return nullptr;
  const ErrnoKept kept;
  const ino_t inode = inode_of(fd);
  const std::lock_guard lock(mutex);
  const auto row = sockets().find(inode);
  return row == sockets().end() ? nullptr : row->second;
}

int make(int type) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | (type & (SOCK_CLOEXEC | SOCK_NONBLOCK)), 0, ends) != 0) return -1;
  auto made = std::make_shared<RouteSocket>();
  const int high = fcntl(ends[1], F_DUPFD_CLOEXEC, kHighDescriptor);
  made->fd = ends[0];
  made->other.reset(high >= 0 ? high : fcntl(ends[1], F_DUPFD_CLOEXEC, 0));
  close(ends[1]);
  const int room = 4 << 20;  // a list of many ports is many datagrams
  setsockopt(made->other.get(), SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  const std::lock_guard lock(mutex);
  // What the program has closed since is not known otherwise.
  std::erase_if(sockets(), [](const auto& row) { return inode_of(row.second->fd) != row.first; });
  sockets()[inode_of(ends[0])] = std::move(made);
  any = true;
  return ends[0];
}

// The first socket of a process has its number for address, as netlink does it.
base::u32 port_of(RouteSocket& socket) {
  static std::atomic<base::u32> next = 0;
  if (socket.port == 0) {
    const base::u32 count = next++;
    socket.port = count == 0 ? base::u32(getpid()) : 0xc0000000U + (base::u32(getpid()) << 12) + count;
  }
  return socket.port;
}

ssize_t take_request(RouteSocket& socket, base::ConstBytes request) {
  const load::RouteHead head{port_of(socket), socket.error_texts ? 1U : 0U};
  std::vector<std::byte> bytes(sizeof head);
  std::memcpy(bytes.data(), &head, sizeof head);
  bytes.insert(bytes.end(), request.begin(), request.end());
  auto fds = load::find_route_fds(request);
  // What is not open does not go along: the daemon then answers EBADF.
  std::erase_if(fds, [](int fd) { return fcntl(fd, F_GETFD) < 0; });
  const auto answer = ask(load::Question::route, fds, bytes);
  if (!answer) return errno = ECONNREFUSED, -1;
  static auto* const put = next<ssize_t(int, const void*, std::size_t, int)>("send");
  load::BodyReader reader(answer->body);
  load::DatagramHead datagram;
  for (base::ConstBytes part; reader.take(datagram) && reader.take_bytes(datagram.bytes, part);)
    if (put(socket.other.get(), part.data(), part.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) return errno = ENOBUFS, -1;
  return ssize_t(request.size());
}

base::ConstBytes bytes_at(const void* bytes, std::size_t size) {
  return {static_cast<const std::byte*>(bytes), size};
}

ssize_t take_message(RouteSocket& socket, const msghdr& message) {
  std::vector<std::byte> whole;
  for (std::size_t i = 0; i < message.msg_iovlen; ++i) {
    const auto part = bytes_at(message.msg_iov[i].iov_base, message.msg_iov[i].iov_len);
    whole.insert(whole.end(), part.begin(), part.end());
  }
  return take_request(socket, whole);
}

// The sender is the kernel, whose address is 0.
void fill_address(void* address, socklen_t* size, base::u32 port = 0) {
  if (!address || !size) return;
  sockaddr_nl from{};
  from.nl_family = AF_NETLINK;
  from.nl_pid = port;
  std::memcpy(address, &from, std::min<std::size_t>(*size, sizeof from));
  *size = sizeof from;
}

template <class Receive>
ssize_t receive_from(int fd, sockaddr* from, socklen_t* size, Receive receive) {
  const auto socket = find(fd);
  const socklen_t room = size ? *size : 0;
  const ssize_t got = receive();
  if (!socket || got < 0 || !size) return got;
  *size = room;
  fill_address(from, size);
  return got;
}

}  // namespace
}  // namespace preload

#define SLUICE_REAL(name, ...) static auto* const real = preload::next<__VA_ARGS__>(name)

extern "C" {

int socket(int domain, int type, int protocol) noexcept {
  SLUICE_REAL("socket", int(int, int, int));
  if (domain == AF_NETLINK && protocol == NETLINK_ROUTE && preload::is_on()) return preload::make(type);
  return real(domain, type, protocol);
}

int bind(int fd, const sockaddr* address, socklen_t size) noexcept {
  SLUICE_REAL("bind", int(int, const sockaddr*, socklen_t));
  const auto socket = preload::find(fd);
  if (!socket) return real(fd, address, size);
  sockaddr_nl wanted{};
  if (!address || size < sizeof wanted) return errno = EINVAL, -1;
  std::memcpy(&wanted, address, sizeof wanted);
  if (wanted.nl_pid != 0) socket->port = wanted.nl_pid;
  preload::port_of(*socket);
  return 0;
}

int connect(int fd, const sockaddr* address, socklen_t size) {
  SLUICE_REAL("connect", int(int, const sockaddr*, socklen_t));
  const auto socket = preload::find(fd);
  if (!socket) return real(fd, address, size);
  preload::port_of(*socket);
  return 0;
}

int getsockname(int fd, sockaddr* address, socklen_t* size) noexcept {
  SLUICE_REAL("getsockname", int(int, sockaddr*, socklen_t*));
  const auto socket = preload::find(fd);
  if (!socket) return real(fd, address, size);
  preload::fill_address(address, size, socket->port);
  return 0;
}

int setsockopt(int fd, int level, int name, const void* value, socklen_t size) noexcept {
  SLUICE_REAL("setsockopt", int(int, int, int, const void*, socklen_t));
  const auto socket = level == preload::kNetlinkLevel ? preload::find(fd) : nullptr;
  if (!socket) return real(fd, level, name, value, size);
  int on = 0;
  if (size < sizeof on) return errno = EINVAL, -1;
  std::memcpy(&on, value, sizeof on);
  if (name == NETLINK_EXT_ACK) socket->error_texts = on != 0;
  return 0;
}

ssize_t send(int fd, const void* bytes, std::size_t size, int flags) {
  SLUICE_REAL("send", ssize_t(int, const void*, std::size_t, int));
  const auto socket = preload::find(fd);
  return socket ? preload::take_request(*socket, preload::bytes_at(bytes, size)) : real(fd, bytes, size, flags);
}

ssize_t sendto(int fd, const void* bytes, std::size_t size, int flags, const sockaddr* to, socklen_t to_size) {
  SLUICE_REAL("sendto", ssize_t(int, const void*, std::size_t, int, const sockaddr*, socklen_t));
  const auto socket = preload::find(fd);
  if (!socket) return real(fd, bytes, size, flags, to, to_size);
  return preload::take_request(*socket, preload::bytes_at(bytes, size));
}

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  SLUICE_REAL("sendmsg", ssize_t(int, const msghdr*, int));
  const auto socket = preload::find(fd);
  return socket ? preload::take_message(*socket, *message) : real(fd, message, flags);
}

ssize_t recvmsg(int fd, msghdr* message, int flags) {
  SLUICE_REAL("recvmsg", ssize_t(int, msghdr*, int));
  return preload::receive_from(fd, static_cast<sockaddr*>(message->msg_name), &message->msg_namelen,
                               [&] { return real(fd, message, flags); });
}

ssize_t recvfrom(int fd, void* bytes, std::size_t size, int flags, sockaddr* from, socklen_t* from_size) {
  SLUICE_REAL("recvfrom", ssize_t(int, void*, std::size_t, int, sockaddr*, socklen_t*));
  return preload::receive_from(fd, from, from_size, [&] { return real(fd, bytes, size, flags, from, from_size); });
}

}  // extern "C"
