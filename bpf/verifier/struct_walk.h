// SPDX-License-Identifier: Apache-2.0
// struct_walk.h — what lies at an offset of a struct: a number, or a pointer to another struct.
//
// Shape     pure functions over one Btf. Threads: re-entrant. Cost: linear in the members on the way.
// Errors    WalkedField::error and Linux's sentence.
// Source    soundness: an access is allowed only when all its bytes lie in one member (or one bit field's bytes),
//           and is a pointer only when it reads exactly a member that is one.
#pragma once

#include <string>

#include "bpf/btf/btf.h"

namespace bpf::verifier {

using base::u16;
using base::u32;

struct WalkedField {
  // memory: a pointer to no struct, which nobody vouches for.
  enum class Is : base::u8 { number, pointer, memory, fault } is = Is::fault;
  u32 target = 0;         // pointer: id of the struct it points to
  u16 flags = 0;          // pointer: what its type tags or a union on the way say (state.h)
  std::string_view name;  // pointer: the member's name
  u32 owner = 0;          // pointer: the struct that the member belongs to
  int error = 0;
  std::string log;
};

WalkedField walk_struct(const btf::Btf& types, u32 id, u32 off, u32 size);

// Does `id` name the same struct as `wanted` of another BTF, or contain one at offset 0?  `off` must be met exactly.
// `strict`: no diving into the first member.
bool struct_matches(const btf::Btf& types, u32 id, u32 off, const btf::Btf& wanted_types, u32 wanted, bool strict);

bool is_struct(const btf::Btf& types, u32 id);
// "STRUCT", "INT", … as Linux names kinds.
const char* kind_name(u32 btf_kind);
// A struct made of numbers alone, by value and to any depth Linux looks into.
bool is_number_struct(const btf::Btf& types, u32 id, int depth = 0);

}  // namespace bpf::verifier
