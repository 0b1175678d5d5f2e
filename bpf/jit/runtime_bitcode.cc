// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/runtime_bitcode.h"

// The two ends of runtime.bc: bpf/jit/meson.build writes the assembler file that includes it.
extern "C" const std::byte sluice_runtime_bitcode_begin[];
extern "C" const std::byte sluice_runtime_bitcode_end[];

namespace bpf::jit {

base::ConstBytes runtime_bitcode() noexcept {
  return {sluice_runtime_bitcode_begin, sluice_runtime_bitcode_end};
}

}  // namespace bpf::jit
