// SPDX-License-Identifier: Apache-2.0
// arena.cc — loads, stores and casts of arena pointers.
//
// Source    soundness: a pointer into an arena is the low half of an address within a window of 4 GiB that belongs to
//           the arena alone, guards on both sides; a page that is not there reads as zero and takes no write. An engine
//           that has no such window must not run the program: lowering refuses it.
#include "bpf/verifier/arena.h"

#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {

bool Walk::has_arena() const {
  for (const MapFacts& map : source_.maps)
    if (map.type == BPF_MAP_TYPE_ARENA) return true;
  return false;
}

bool Walk::check_space_cast(const bpf_insn& i) {
  if (i.imm != kToArena && i.imm != kToUser)
    return refuse(EINVAL, "addr_space_cast insn can only convert between address space 1 and 0\n");
  return has_arena() ||
         refuse(EINVAL, "addr_space_cast insn can only be used in a program that has an associated arena\n");
}

bool Walk::access_arena(int bytes, Access how, int value, bool sign_extend) {
  if (how == Access::read) put_loaded(value, bytes, sign_extend);
  return true;
}

}  // namespace bpf::verifier
