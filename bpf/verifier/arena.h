// SPDX-License-Identifier: Apache-2.0
// arena.h — memory that a program shares with user space by addresses: casts between the two views of it.
//
// Shape     a cast is a BPF_MOV with offset 1; its immediate says which way. In the program's view an address is any
//           number of 32 bits: the window behind it is as large, so no access is bounded.
// Threads   re-entrant.
#pragma once

#include "base/types.h"
#include "bpf/abi/insn.h"

namespace bpf::verifier {

inline constexpr base::s32 kToArena = 1;       // from user space's address
inline constexpr base::s32 kToUser = 1 << 16;  // from the program's

inline bool is_space_cast(const bpf_insn& i) {
  return i.code == (BPF_ALU64 | BPF_MOV | BPF_X) && i.off == 1;
}

}  // namespace bpf::verifier
