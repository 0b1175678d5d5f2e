// SPDX-License-Identifier: Apache-2.0
// identity.h — what, besides the program, decides which object compile() makes: one line of text.
//
// Shape     LLVM's version, the CPU level of target.h, and a digest of this folder's sources and of the runtime bitcode
//           (which is made from bpf/runtime and maps). Two processes with equal identities compile alike.
// Threads   immutable.
#pragma once

#include <string>

#include "base/result.h"

namespace bpf::jit {

base::Result<std::string> find_identity();

}  // namespace bpf::jit
