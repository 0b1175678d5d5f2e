// SPDX-License-Identifier: Apache-2.0
// door_server.h — the server's side of one connection to the door: hostile messages in, bpf(2) commands through,
// answers out.
//
// Shape     a handle is a memfd of its own (named bpf-map, bpf-prog or btf, sealed, empty), or, for a map that clients
//           may mmap, the memfd that holds its memory; its inode and the way it is open name the row here. The
//           client gets a fresh open file description on which an OFD lock stands: when the last dup,
//           inherited or passed copy of it is closed the lock is gone, and sweep() drops the row. No message says
//           "close".
// Threads   one thread. Lifetime: a row keeps its object alive; all rows go with the table.
// Errors    a message that does not add up is an Error: the caller drops the connection. A command that fails is an
//           answer.
// Cost      one recvmsg, one sendmsg; a command that needs memory copies it once each way.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>

#include "bpf/load/channel.h"
#include "bpf/load/ranges.h"
#include "control/client.h"
#include "control/door.h"
#include "control/ring_watch.h"

namespace control {

inline constexpr std::size_t kHandlesPerClientMax = 65536;  // each holds a descriptor here
inline constexpr u64 kDescriptorsSpare = 256;  // of this process, that handles never take: sockets, files, children

// What clients have open. Connections that share a table know each other's handles: a descriptor that was inherited or
// passed on is as good as with its maker, and stays so when the maker is gone.
class HandleTable {
 public:
  struct Row {
    Handle handle;
    Access access;
    base::UniqueFd master;
    u64 byte;                              // that its handles lock
    std::shared_ptr<std::size_t> made;     // count of its maker
  };
  std::unordered_map<u64, Row> rows;       // by inode * 4 + how it is open

  void erase(u64 key);
  // Drops the rows of handles that nobody has open any more; returns how many are left.
  std::size_t sweep();

 private:
  friend class WireClient;
  std::size_t sweep_at_ = 64;
};

class WireClient final : public Client {
 public:
  WireClient(uid_t uid, bpf::Capabilities caps, std::shared_ptr<HandleTable> table = std::make_shared<HandleTable>())
      : Client(uid, caps), table_(std::move(table)) {}

  base::Result<Target> find(int fd) override;
  FdKind kind_of(int fd) override;
  int install(std::shared_ptr<Object> object, Access access) override;
  void uninstall(int fd) override;
  void reclaim() override { sweep(); }

  // The descriptors of one message: the numbers the client knows them by, and what came.
  void begin(std::span<const int> numbers, std::span<const base::UniqueFd> fds);
  // One that came along before, by its inode and how it is open. False: that handle is not known to this client, or no
  // more, and its descriptor must come.
  bool begin_named(int number, u64 inode, u32 mode);
  // The descriptor to send with the answer; -1: none.
  base::UniqueFd take_pending() { return std::move(pending_); }
  std::size_t sweep() { return table_->sweep(); }
  bool has(const Object& object) const;

 private:
  std::shared_ptr<HandleTable> table_;
  std::shared_ptr<std::size_t> made_ = std::make_shared<std::size_t>(0);
  struct Number {
    u64 row;                               // 0: not one of ours
    int local;                             // the descriptor here, while the message is served
  };
  std::map<int, Number> numbers_;          // of the message at hand
  std::unordered_map<u64, u64> came_;      // rows that this client has shown, and their bytes; bounded by kCameMax
  base::UniqueFd pending_;
  u64 pending_row_ = 0;
};

class DoorServer {
 public:
  DoorServer(Door& door, uid_t uid, bpf::Capabilities caps) : door_(door), client_(uid, caps) {}
  // `rings`: for clients that wait for ring buffers; null: they cannot.
  DoorServer(Door& door, uid_t uid, bpf::Capabilities caps, std::shared_ptr<HandleTable> table, RingWatch* rings)
      : door_(door), rings_(rings), client_(uid, caps, std::move(table)) {}

  WireClient& client() noexcept { return client_; }
  // Answers one MessageKind::call or ask.
  base::Status serve(bpf::load::Channel& channel, const bpf::load::Message& message);

 private:
  base::Status answer_question(bpf::load::Channel& channel, const bpf::load::Message& message);

  Door& door_;
  RingWatch* rings_ = nullptr;
  WireClient client_;
};

}  // namespace control
