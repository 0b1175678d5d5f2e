// SPDX-License-Identifier: Apache-2.0
// disassemble.h — machine code as text, for dumps.
//
// Threads   any. Cost: about a microsecond per instruction; control path only.
#pragma once

#include <string>
#include <vector>

#include "base/types.h"

namespace bpf::jit {

struct NativeInsn {
  base::u32 offset = 0;
  base::u32 bytes = 0;
  std::string text;  // "mov rax, qword ptr [rdi]"; bytes that are no instruction: ".byte 0x…", one at a time
};

// `address`: where text begins in memory, for the targets of jumps.
std::vector<NativeInsn> disassemble(base::ConstBytes text, base::u64 address);

}  // namespace bpf::jit
