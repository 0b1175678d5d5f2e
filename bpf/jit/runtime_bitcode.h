// SPDX-License-Identifier: Apache-2.0
// runtime_bitcode.h — runtime.bc, embedded in the library by the assembler.
#pragma once

#include "base/types.h"

namespace bpf::jit {

base::ConstBytes runtime_bitcode() noexcept;

}  // namespace bpf::jit
