// SPDX-License-Identifier: Apache-2.0
#include "control/cli/connection.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "base/unique_fd.h"

namespace control::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kReplyBytesMax = 256U << 20;
constexpr int kPatienceSeconds = 30;  // a daemon that is busy with a large compilation answers after it

base::Error unreachable(const std::string& path, const std::string& why) {
  return {ECONNREFUSED, "no daemon answers at " + path + ": " + why};
}

base::Result<base::UniqueFd> connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return base::Error(EINVAL, path + ": too long for a socket");
  std::memcpy(address.sun_path, path.data(), path.size());
  base::UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return unreachable(path, std::strerror(errno));
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

bool send_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t n = send(fd, bytes, size, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    size -= std::size_t(n);
  }
  return true;
}

bool receive_all(int fd, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t n = recv(fd, bytes, size, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    size -= std::size_t(n);
  }
  return true;
}

}  // namespace

base::Result<Json> ask(const std::string& path, const Json& request) {
  SLUICE_TRY(const base::UniqueFd fd, connect_to(path));
  const std::string text = request.dump();
  const auto size = std::uint32_t(text.size());
  const bool sent = send_all(fd.get(), reinterpret_cast<const char*>(&size), sizeof size) &&
                    send_all(fd.get(), text.data(), text.size());
  std::uint32_t length = 0;
  if (!receive_all(fd.get(), reinterpret_cast<char*>(&length), sizeof length))
    return unreachable(path, sent ? "it closed the connection" : "it does not listen");
  if (length > kReplyBytesMax) return base::Error(EPROTO, "the daemon's answer is malformed");
  std::string answer(length, '\0');
  if (!receive_all(fd.get(), answer.data(), answer.size()))
    return unreachable(path, "it ended in the middle of its answer");
  Json reply = Json::parse(answer, nullptr, false);
  if (!reply.is_object()) return base::Error(EPROTO, "the daemon's answer is malformed");
  if (reply.contains("error"))
    return base::Error(reply.value("errno", EIO), reply.value("error", std::string("failed")));
  return reply.contains("value") ? reply["value"] : Json();
}

}  // namespace control::cli
