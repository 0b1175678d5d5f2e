// SPDX-License-Identifier: Apache-2.0
// channel.h — whole messages with descriptors over a SEQPACKET socket (wire.h).
//
// Threads   one thread per end. Lifetime: owns the socket and what it received.
// Errors    EPIPE peer is gone; EPROTO the message does not add up; ETIMEDOUT nothing came in time.
// Cost      one sendmsg and one recvmsg; bodies above kInlineBytesMax add a memfd.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "base/unique_fd.h"
#include "bpf/load/wire.h"

namespace bpf::load {

struct Message {
  MessageKind kind{};
  std::vector<std::byte> body;
  std::vector<base::UniqueFd> fds;
};

class Channel {
 public:
  Channel() = default;
  explicit Channel(base::UniqueFd socket) : socket_(std::move(socket)) {}

  int fd() const noexcept { return socket_.get(); }
  // Gathers `parts` into one body.
  base::Status send(MessageKind kind, std::span<const base::ConstBytes> parts, std::span<const int> fds = {});
  base::Status send(MessageKind kind, base::ConstBytes body, std::span<const int> fds = {});
  // timeout_ms < 0: waits as long as it takes.
  base::Result<Message> receive(int timeout_ms = -1);

 private:
  base::UniqueFd socket_;
};

// A connected pair: [0] for the server, [1] for the client.
base::Result<std::pair<base::UniqueFd, base::UniqueFd>> make_channel_pair();

// Takes typed heads and byte runs off the front of a body; every step is checked.
class BodyReader {
 public:
  explicit BodyReader(base::ConstBytes body) : rest_(body) {}

  template <class T>
  bool take(T& out) {
    base::ConstBytes bytes;
    if (!take_bytes(sizeof out, bytes)) return false;
    __builtin_memcpy(&out, bytes.data(), sizeof out);
    return true;
  }
  bool take_bytes(std::size_t size, base::ConstBytes& out) {
    if (size > rest_.size()) return false;
    out = rest_.first(size);
    rest_ = rest_.subspan(size);
    return true;
  }
  bool empty() const noexcept { return rest_.empty(); }
  base::ConstBytes rest() const noexcept { return rest_; }

 private:
  base::ConstBytes rest_;
};

template <class T>
base::ConstBytes bytes_of(const T& v) {
  return std::as_bytes(std::span<const T, 1>(&v, 1));
}

}  // namespace bpf::load
