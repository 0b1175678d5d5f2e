// SPDX-License-Identifier: Apache-2.0
// target.h — for which CPU the JIT compiles.
//
// Shape     an instruction-set level, not the exact CPU: a superset of what the runtime bitcode was compiled for
//           (x86-64-v3), so that its bodies inline; objects then differ only between levels, and a misdetected CPU
//           does no harm.
// Errors    ENOTSUP on a CPU below x86-64-v3.
#pragma once

#include <string>

#include "base/result.h"

namespace bpf::jit {

base::Result<std::string> find_target_cpu();

}  // namespace bpf::jit
