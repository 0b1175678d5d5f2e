// SPDX-License-Identifier: Apache-2.0
// wire.h — build requests and replies as bytes, between the daemon and its builder child.
//
// Shape     fields in the order of their structs, little endian, counts before contents. Both ends are one build of one
//           program, so there is no version but a magic word; what crosses is still hostile: the child has just
//           digested a stranger's program.
// Threads   pure functions.
// Errors    EBADMSG: truncated, counts that the bytes cannot hold, values no enum has, bytes left over. Never more
//           memory than a constant times the bytes given.
#pragma once

#include "bpf/builder/builder.h"

namespace bpf::builder {

std::vector<std::byte> encode(const BuildRequest& request);
std::vector<std::byte> encode(const BuildReply& reply);
std::vector<std::byte> encode(const CompileRequest& request);
std::vector<std::byte> encode(const CompileReply& reply);
base::Result<BuildRequest> decode_request(base::ConstBytes bytes);
base::Result<BuildReply> decode_reply(base::ConstBytes bytes);
base::Result<CompileRequest> decode_compile_request(base::ConstBytes bytes);
base::Result<CompileReply> decode_compile_reply(base::ConstBytes bytes);

}  // namespace bpf::builder
