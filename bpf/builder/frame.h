// SPDX-License-Identifier: Apache-2.0
// frame.h — messages over a stream socket: a 64-bit length, then that many bytes.
//
// Threads   one reader and one writer per descriptor.
// Errors    ECONNRESET: the peer is gone. ETIMEDOUT: nothing within the time. EMSGSIZE: longer than kFrameBytesMax.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace bpf::builder {

// A million instructions with their facts, log and object code stay below this.
inline constexpr base::u64 kFrameBytesMax = base::u64{512} << 20;

base::Status write_frame(int fd, base::ConstBytes bytes);
// Waits at most `timeout_ms` for each piece; -1: for ever.
base::Result<std::vector<std::byte>> read_frame(int fd, int timeout_ms = -1);

}  // namespace bpf::builder
