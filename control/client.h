// SPDX-License-Identifier: Apache-2.0
// client.h — who talks to the door: credentials, and what its descriptor numbers mean.
//
// Shape     Client is the door's view of a caller. LocalClient numbers handles itself (tests, off-line verbs, the
//           daemon); WireClient (door_server.h) resolves the descriptors that came with a message.
// Threads   one caller each.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <functional>
#include <map>

#include "bpf/verifier/verifier.h"
#include "control/object.h"

namespace control {

// What became of one PROG_LOAD; kept for those who asked for more than an errno.
struct LoadReport {
  std::string name;
  bpf::bpf_prog_type type = bpf::BPF_PROG_TYPE_UNSPEC;
  u32 insns = 0;
  int error = 0;                     // 0, or a positive errno
  std::string sentence;              // why not: ours, one sentence
  bpf::verifier::Verdict verdict;    // without its program
  bool judged = false;               // the verifier saw it
  u64 jit_ns = 0;
};

// What a descriptor allows: BPF_F_RDONLY and BPF_F_WRONLY make the other one false.
struct Access {
  bool read = true;
  bool write = true;
};

// What an open descriptor of the caller is, as far as commands and keys and values of maps tell the kinds apart.
enum class FdKind : u8 { closed, object, socket, task, cgroup, netns, bpffs, other };

struct Target {
  std::shared_ptr<Object> object;
  Access access;
};

class Client {
 public:
  Client(uid_t uid, bpf::Capabilities caps) : uid_(uid), caps_(caps) {}
  virtual ~Client() = default;

  uid_t uid() const noexcept { return uid_; }
  const bpf::Capabilities& caps() const noexcept { return caps_; }
  bool privileged() const noexcept { return caps_.bpf; }
  // Of the caller; 0: not known.
  virtual pid_t pid() const noexcept { return 0; }

  // The object behind a descriptor: EBADF not open, EINVAL open but not one of ours.
  virtual base::Result<Target> find(int fd) = 0;
  virtual FdKind kind_of(int fd) = 0;
  // A new descriptor for an object: its number, or a negative errno.
  virtual int install(std::shared_ptr<Object> object, Access access) = 0;
  // Notices handles that were closed without a word, before a limit is said to be reached.
  virtual void reclaim() {}
  // Takes back what install() gave, before the caller has seen it.
  virtual void uninstall(int fd) = 0;

  // May be empty.
  std::function<void(LoadReport)> on_prog_load;
  std::function<void(const std::string& path)> on_pin;
  // Types of the kernel that programs are judged for; empty: our own host's.
  std::function<std::shared_ptr<const bpf::btf::KernelBtf>()> kernel_types;
  std::string last_error;                        // sentence behind the last negative result

 private:
  uid_t uid_;
  bpf::Capabilities caps_;
};

class LocalClient final : public Client {
 public:
  explicit LocalClient(uid_t uid = 0, bpf::Capabilities caps = {}) : Client(uid, caps) {}

  base::Result<Target> find(int fd) override;
  FdKind kind_of(int fd) override { return rows_.contains(fd) ? FdKind::object : FdKind::closed; }
  int install(std::shared_ptr<Object> object, Access access) override;
  void uninstall(int fd) override { close(fd); }
  pid_t pid() const noexcept override { return getpid(); }
  int close(int fd);                             // 0 or -EBADF

 private:
  struct Row {
    Handle handle;
    Access access;
  };
  std::map<int, Row> rows_;
};

}  // namespace control
