// SPDX-License-Identifier: Apache-2.0
// session.h — this process's connection to the daemon: made when it is first needed, kept, made anew after fork.
//
// Shape     the environment says where: SLUICE_SOCKET is the socket of bpf clients. The connection's descriptor has a
//           high number, so that the program's own numbers are what they would be without us, and it is looked at
//           before each use: a program that closes everything must not make us write into a file of its own.
// Threads   any; one command at a time. After fork the child has no connection and makes its own.
// Errors    ENOTCONN no daemon answers; EPERM it is not for this user; EDEADLK called from a signal handler that
//           interrupted a call.
// Cost      beside the round trip: getpid and fstat.
#pragma once

#include <span>
#include <string>

#include "base/types.h"
#include "bpf/load/channel.h"

namespace preload {

// True where the environment names a socket; without one this library only passes calls on.
bool is_on() noexcept;
// The arguments of bpf(2); a negative errno.
long bpf_command(base::u32 cmd, void* attr, base::u32 size);
// Empty when the daemon does not say.
std::string ask(bpf::load::Question question, int fd = -1);
// The whole of it: descriptors that go along, bytes, and what comes back. Not ok: the daemon does not say.
base::Result<bpf::load::Message> ask(bpf::load::Question question, std::span<const int> fds, base::ConstBytes bytes);

}  // namespace preload
