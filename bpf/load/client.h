// SPDX-License-Identifier: Apache-2.0
// client.h — the caller's side of the door: one bpf(2) command, marshalled by ranges.def, sent, its answer stored.
//
// Shape     call() has the arguments of bpf(2) and answers like the system call, as a negative errno in place of errno.
//           A handle is a real descriptor (a memfd named bpf-map, bpf-prog or btf), so that dup, dup3, fcntl, fork and
//           close work on it as on any other; the server knows it again by (st_dev, st_ino).
// Threads   one at a time: the caller serialises.
// Errors    EFAULT where the caller's memory cannot be read; EIO when the server is gone or answers nonsense; EPIPE
//           when it was gone before the command was sent.
// Cost      one round trip; the first command on a map adds one for its sizes, and only that one and the next carry its
//           descriptor. What lies on the caller's stack is copied, other memory is read and written by the system.
#pragma once

#include <string>
#include <unordered_map>

#include "bpf/load/channel.h"
#include "bpf/load/ranges.h"

namespace bpf::load {

class DoorClient {
 public:
  explicit DoorClient(Channel& channel, u32 possible_cpus) : channel_(channel), possible_cpus_(possible_cpus) {}

  long call(u32 cmd, void* attr, u32 size);

 private:
  // A map that this connection has worked on.
  struct KnownMap {
    u64 device = 0;
    MapShape shape;
    u32 modes_sent = 0;  // bit O_ACCMODE: a descriptor that is open so has gone along
  };
  // The map of one call.
  struct CallMap {
    KnownMap* known = nullptr;
    int fd = -1;
    u64 inode = 0;
    u32 mode = 0;
  };

  long exchange(u32 cmd, bpf_attr& attr, u32 size, const CallMap& map, bool may_name);
  long find_map(int map_fd, CallMap& map);
  long ask_shape(int map_fd, MapShape& shape);

  Channel& channel_;
  u32 possible_cpus_;
  std::unordered_map<u64, KnownMap> maps_;  // by inode of the handle; bounded by kMapsMax
};

// One question; what the server does not answer is empty. fd: -1 when the question is about none.
base::Result<std::string> ask(Channel& channel, Question question, int fd = -1);
// The whole of it: descriptors that go along, bytes, and what comes back.
base::Result<Message> ask(Channel& channel, Question question, std::span<const int> fds, base::ConstBytes bytes);

}  // namespace bpf::load
