// SPDX-License-Identifier: Apache-2.0
#include "bpf/builder/frame.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string>

namespace bpf::builder {
namespace {

base::Error failed(const char* what) {
  return base::Error(errno, std::string(what) + ": " + std::strerror(errno));
}

base::Status send_all(int fd, const std::byte* data, size_t size) {
  while (size > 0) {
    const ssize_t sent = send(fd, data, size, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return failed("send");
    data += sent;
    size -= size_t(sent);
  }
  return base::success();
}

base::Status wait_readable(int fd, int timeout_ms) {
  if (timeout_ms < 0) return base::success();
  pollfd p{.fd = fd, .events = POLLIN, .revents = 0};
  int ready;
  do ready = poll(&p, 1, timeout_ms);
  while (ready < 0 && errno == EINTR);
  if (ready < 0) return failed("poll");
  if (ready == 0) return base::Error(ETIMEDOUT, "no answer within " + std::to_string(timeout_ms / 1000) + " s");
  return base::success();
}

base::Status receive_all(int fd, std::byte* data, size_t size, int timeout_ms) {
  while (size > 0) {
    SLUICE_CHECK(wait_readable(fd, timeout_ms));
    const ssize_t got = recv(fd, data, size, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed("receive");
    if (got == 0) return base::Error(ECONNRESET, "the peer is gone");
    data += got;
    size -= size_t(got);
  }
  return base::success();
}

}  // namespace

base::Status write_frame(int fd, base::ConstBytes bytes) {
  if (bytes.size() > kFrameBytesMax)
    return base::Error(EMSGSIZE, "message of " + std::to_string(bytes.size()) + " bytes");
  const base::u64 size = bytes.size();
  SLUICE_CHECK(send_all(fd, reinterpret_cast<const std::byte*>(&size), sizeof size));
  return send_all(fd, bytes.data(), bytes.size());
}

base::Result<std::vector<std::byte>> read_frame(int fd, int timeout_ms) {
  base::u64 size = 0;
  SLUICE_CHECK(receive_all(fd, reinterpret_cast<std::byte*>(&size), sizeof size, timeout_ms));
  if (size > kFrameBytesMax) return base::Error(EMSGSIZE, "message of " + std::to_string(size) + " bytes");
  // Memory follows the bytes that really come, not the number announced.
  constexpr size_t kStepBytes = size_t{1} << 20;
  std::vector<std::byte> bytes;
  while (bytes.size() < size) {
    const size_t at = bytes.size();
    bytes.resize(std::min<size_t>(size, at + kStepBytes));
    SLUICE_CHECK(receive_all(fd, bytes.data() + at, bytes.size() - at, timeout_ms));
  }
  return bytes;
}

}  // namespace bpf::builder
