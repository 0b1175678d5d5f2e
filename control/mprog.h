// SPDX-License-Identifier: Apache-2.0
// mprog.h — the programs of one hook in an order that its users choose: the multi-program rules of Linux, which tcx,
// netkit and cgroup hooks share.
//
// Shape     Mprog is a list with a revision. with() and without() say what the list would become and change nothing, so
//           that the hook may still refuse; commit() makes it so. An entry is a program of its own or a link's.
// Threads   control thread. Lifetime: an entry keeps its program; a link takes its entry away before it dies.
// Errors    as Linux: ESTALE another revision than expected; EEXIST the program stands there already; ENOENT what is
//           meant does not; EBUSY it is there, but by a link or without; ERANGE full, or two places that contradict
//           each other; EINVAL a relative object without BPF_F_BEFORE or AFTER, or of another type; EDOM beyond the
//           end.
// Source    answers and their order: the running Linux 6.18 (tests/oracle/mprog_oracle.cc asks it again, at random).
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "control/client.h"
#include "control/link.h"

namespace control {

struct DoorState;

inline constexpr std::size_t kMprogMax = 64;  // BPF_MPROG_MAX

struct MprogEntry {
  std::shared_ptr<Program> program;
  const Link* link = nullptr;  // null: attached without one
};

// The program that BPF_F_BEFORE and BPF_F_AFTER mean, and the link that holds it if it was named by that; or nothing.
struct MprogRelative {
  std::shared_ptr<Program> program;
  std::shared_ptr<Link> link;
};

// Where in the order, as the caller asked for it.
struct MprogPlace {
  u32 flags = 0;              // BPF_F_REPLACE, BEFORE, AFTER, ID, LINK
  u64 expected_revision = 0;  // 0: whatever it is
  // Looked up when its turn has come; empty: none. It must be of the type (UNSPEC: of any).
  std::function<base::Result<MprogRelative>(bpf::bpf_prog_type)> relative;
};

// relative_fd or relative_id of an attr, by the flags. The place does not outlive state and client.
MprogPlace make_mprog_place(DoorState& state, Client& client, u32 flags, u32 fd_or_id, u64 expected_revision);

class Mprog {
 public:
  using List = std::vector<MprogEntry>;

  const List& list() const noexcept { return list_; }
  u64 revision() const noexcept { return revision_; }

  // `old`: the program that BPF_F_REPLACE means.
  base::Result<List> with(const MprogEntry& next, const Program* old, const MprogPlace& place) const;
  // A `gone` without program: the one that the place says.
  base::Result<List> without(const MprogEntry& gone, const MprogPlace& place) const;
  void commit(List list) {
    list_ = std::move(list);
    ++revision_;
  }

 private:
  List list_;
  u64 revision_ = 1;
};

}  // namespace control
