// SPDX-License-Identifier: Apache-2.0
// Commands about things this host does not have yet: raw tracepoints, iterators, descriptors of tracing, tokens,
// streams that programs print to. Each answers as Linux does where none of them is there.
//
// Source    errnos and their order: asked of the host kernel (tests/oracle/abi_oracle.cc asks again).
#include <signal.h>

#include <cstring>

#include "control/door_state.h"

namespace control {

Answer raw_tracepoint_open(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(const auto program, get_program(client, int(attr.raw_tracepoint.prog_fd)));
  switch (program->info().type) {
    case bpf::BPF_PROG_TYPE_RAW_TRACEPOINT:
    case bpf::BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE:
    case bpf::BPF_PROG_TYPE_TRACING:
    case bpf::BPF_PROG_TYPE_LSM:
    case bpf::BPF_PROG_TYPE_EXT:
      return base::Error(EOPNOTSUPP, "tracepoints and traceable functions are planned, not implemented yet");
    default:
      return base::Error(EINVAL, "programs of this type do not attach to tracepoints");
  }
}

Answer iter_create(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.iter_create.flags != 0) return base::Error(EINVAL, "unknown flags");
  SLUICE_TRY(const auto link, get_link(client, int(attr.iter_create.link_fd)));
  return base::Error(EINVAL, "link id " + std::to_string(link->id()) + " is no iterator");
}

// What a descriptor traces. Only the caller's own can be looked at; no link of ours is about tracing.
Answer task_fd_query(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  const auto& asked = attr.task_fd_query;
  if (asked.flags != 0) return base::Error(EINVAL, "unknown flags");
  if (!client.privileged()) return base::Error(EPERM, "not permitted without CAP_SYS_ADMIN");
  if (pid_t(asked.pid) <= 0 || (kill(pid_t(asked.pid), 0) != 0 && errno == ESRCH))
    return base::Error(ENOENT, "there is no process " + std::to_string(asked.pid));
  const bool own = client.pid() == 0 || client.pid() == pid_t(asked.pid);
  if (own && client.kind_of(int(asked.fd)) == FdKind::closed) return base::Error(EBADF, "the descriptor is not open");
  return base::Error(kErrnoNotSupp, "the descriptor traces nothing");
}

base::Error refuse_token(Client& client, int fd) {
  if (client.kind_of(fd) == FdKind::closed) return {EBADF, "the token's descriptor is not open"};
  return {EINVAL, "the descriptor is no token"};
}

// A token delegates rights from one user namespace to another; all clients of the door are in one.
Answer token_create(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  if (attr.token_create.flags != 0) return base::Error(EINVAL, "unknown flags");
  switch (client.kind_of(int(attr.token_create.bpffs_fd))) {
    case FdKind::closed:
      return base::Error(EBADF, "the descriptor is not open");
    case FdKind::bpffs:
      return base::Error(EOPNOTSUPP, "tokens are for other user namespaces than the first");
    default:
      return base::Error(EINVAL, "the descriptor is no directory of pins");
  }
}

// Streams 1 and 2 are there and empty: bpf_stream_vprintk() is not implemented yet.
Answer prog_stream_read(DoorState&, Client& client, bpf::bpf_attr& attr, u32) {
  SLUICE_TRY(const auto program, get_program(client, int(attr.prog_stream_read.prog_fd)));
  const u32 stream = attr.prog_stream_read.stream_id;
  if (stream != 1 && stream != 2)
    return base::Error(ENOENT,
                       "program id " + std::to_string(program->id()) + " has no stream " + std::to_string(stream));
  return 0L;
}

}  // namespace control
