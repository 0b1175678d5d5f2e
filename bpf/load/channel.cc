// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <string>

namespace bpf::load {
namespace {

base::Error sys_error(const char* what) {
  return {errno, std::string(what) + ": " + std::strerror(errno)};
}
base::Error bad_message(const char* what) {
  return {EPROTO, std::string("malformed message: ") + what};
}

std::size_t total_bytes(std::span<const base::ConstBytes> parts) {
  std::size_t n = 0;
  for (const auto& part : parts) n += part.size();
  return n;
}

base::Result<base::UniqueFd> make_bulk(std::span<const base::ConstBytes> parts) {
  base::UniqueFd fd(memfd_create("sluice-bulk", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return sys_error("memfd_create");
  for (const auto& part : parts) {
    for (std::size_t done = 0; done < part.size();) {
      const ssize_t n = ::write(fd.get(), part.data() + done, part.size() - done);
      if (n < 0 && errno != EINTR) return sys_error("write to memfd");
      if (n > 0) done += std::size_t(n);
    }
  }
  return fd;
}

// Only memory files answer F_GET_SEALS: a read from one of those cannot block on somebody else's file server.
base::Status read_bulk(int fd, std::span<std::byte> body) {
  if (fcntl(fd, F_GET_SEALS) < 0) return bad_message("its body is not in a memory file");
  for (std::size_t done = 0; done < body.size();) {
    const ssize_t n = ::pread(fd, body.data() + done, body.size() - done, off_t(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return bad_message("its body is shorter than announced");
    done += std::size_t(n);
  }
  return base::success();
}

base::Status wait_readable(int fd, int timeout_ms) {
  pollfd pfd{fd, POLLIN, 0};
  int ready;
  do ready = poll(&pfd, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  if (ready < 0) return sys_error("poll");
  if (ready == 0) return base::Error(ETIMEDOUT, "no message within " + std::to_string(timeout_ms) + " ms");
  return base::success();
}

void take_fds(msghdr& msg, std::vector<base::UniqueFd>& fds) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd;
      std::memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
      fds.emplace_back(fd);
    }
  }
}

struct alignas(cmsghdr) Control {
  char bytes[CMSG_SPACE(kMessageFdsMax * sizeof(int))];
};

void put_fds(msghdr& msg, Control& control, std::span<const int> fds) {
  if (fds.empty()) return;
  msg.msg_control = control.bytes;
  msg.msg_controllen = CMSG_SPACE(fds.size_bytes());
  cmsghdr* c = CMSG_FIRSTHDR(&msg);
  c->cmsg_level = SOL_SOCKET;
  c->cmsg_type = SCM_RIGHTS;
  c->cmsg_len = CMSG_LEN(fds.size_bytes());
  std::memcpy(CMSG_DATA(c), fds.data(), fds.size_bytes());
}

}  // namespace

base::Status Channel::send(MessageKind kind, base::ConstBytes body, std::span<const int> fds) {
  return send(kind, {&body, 1}, fds);
}

base::Status Channel::send(MessageKind kind, std::span<const base::ConstBytes> parts, std::span<const int> fds) {
  const std::size_t size = total_bytes(parts);
  if (size > kBodyBytesMax) return base::Error(E2BIG, "message of " + std::to_string(size) + " bytes is too long");
  Header header{kWireMagic, kind, base::u32(size), size > kInlineBytesMax};
  std::vector<int> all(fds.begin(), fds.end());
  base::UniqueFd bulk;
  std::vector<iovec> iov{{&header, sizeof header}};
  if (header.bulk) {
    SLUICE_TRY(bulk, make_bulk(parts));
    all.push_back(bulk.get());
  } else {
    for (const auto& part : parts)
      if (!part.empty()) iov.push_back({const_cast<std::byte*>(part.data()), part.size()});
  }
  if (all.size() > kMessageFdsMax) return base::Error(E2BIG, "a message carries at most 253 descriptors");
  Control control;
  msghdr msg{};
  msg.msg_iov = iov.data();
  msg.msg_iovlen = iov.size();
  put_fds(msg, control, all);
  ssize_t n;
  do n = sendmsg(socket_.get(), &msg, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  if (n < 0) return sys_error("send");
  return base::success();
}

base::Result<Message> Channel::receive(int timeout_ms) {
  if (timeout_ms > 0) SLUICE_CHECK(wait_readable(socket_.get(), timeout_ms));
  Header header{};
  Message message;
  const auto inline_body = std::make_unique_for_overwrite<std::byte[]>(kInlineBytesMax);
  std::array<iovec, 2> iov{{{&header, sizeof header}, {inline_body.get(), kInlineBytesMax}}};
  Control control;
  msghdr msg{};
  msg.msg_iov = iov.data();
  msg.msg_iovlen = iov.size();
  msg.msg_control = control.bytes;
  msg.msg_controllen = sizeof control.bytes;
  ssize_t n;
  do n = recvmsg(socket_.get(), &msg, MSG_CMSG_CLOEXEC | (timeout_ms == 0 ? MSG_DONTWAIT : 0));
  while (n < 0 && errno == EINTR);
  if (n < 0 && timeout_ms == 0 && errno == EAGAIN) return base::Error(ETIMEDOUT, "no message is there");
  if (n < 0) return sys_error("receive");
  take_fds(msg, message.fds);
  if (n == 0) return base::Error(EPIPE, "the peer closed the connection");
  if (msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) return bad_message("it is longer than allowed");
  if (std::size_t(n) < sizeof header || header.magic != kWireMagic) return bad_message("no header");
  message.kind = header.kind;
  const std::size_t got = std::size_t(n) - sizeof header;
  if (!header.bulk) {
    if (got != header.body_bytes) return bad_message("its length is not the announced one");
    message.body.assign(inline_body.get(), inline_body.get() + got);
    return message;
  }
  if (got != 0 || header.body_bytes > kBodyBytesMax || message.fds.empty())
    return bad_message("its body is announced in a descriptor and is not there");
  base::UniqueFd bulk = std::move(message.fds.back());
  message.fds.pop_back();
  struct stat st{};
  if (fstat(bulk.get(), &st) != 0 || st.st_size < off_t(header.body_bytes))
    return bad_message("its body is shorter than announced");
  message.body.resize(header.body_bytes);
  SLUICE_CHECK(read_bulk(bulk.get(), message.body));
  return message;
}

base::Result<std::pair<base::UniqueFd, base::UniqueFd>> make_channel_pair() {
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return sys_error("socketpair");
  return std::pair(base::UniqueFd(fds[0]), base::UniqueFd(fds[1]));
}

}  // namespace bpf::load
