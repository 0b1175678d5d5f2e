// SPDX-License-Identifier: Apache-2.0
// prepare.h — what objects of today's libbpf hold and Debian's libbpf (1.1) does not know, put into words it does know.
//
//   arena globals       section ".addr_space.1" becomes a data section; its map is the arena itself (command_edits.h)
//   map_extra           written as an enum (__ulong); set after opening
//   struct_ops          ".struct_ops.link", "?.struct_ops", …: hidden, their programs find their member by name
//   exception callbacks a function that only a tag names is linked to the program by an instruction that never reaches
//                       the engine (command_edits.h takes it out)
//   symbols             of the kernel without a type: no list of the system's is asked, those that must be are there
//   name___flavor       of kernel functions and symbols: the name before the three underscores counts
//
// Shape     prepare() gives the object's bytes, changed only where one of these is in it, and what is to be done later.
// Threads   re-entrant. Lifetime: plain values.
// Errors    none of its own: an object that cannot be taken apart comes back as it was; libbpf says what is wrong.
// Source    the behaviour of libbpf 1.5 as its documentation tells it; what a kernel makes of the result is asked of
//           one (tests/oracle/object_oracle.cc).
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/types.h"

namespace bpf::load {

struct StructOpsMember {
  std::string type, member;
};

struct Prepared {
  std::vector<std::byte> elf;
  std::map<std::string, base::u64> map_extra;        // by map
  std::map<std::string, StructOpsMember> members;    // by program
  std::set<std::string> callbacks;                   // programs with an instruction to take out
  std::set<std::string> symbols;                     // of the kernel: without a type, and not weak
  bool arena_data = false;
};

inline constexpr char kArenaDataSection[] = ".data.arena_1";
// Offset field of the instruction that names an exception callback; Linux asks for 0 there.
inline constexpr base::s16 kCallbackMark = 0x5e1f;

Prepared prepare(base::ConstBytes elf);

}  // namespace bpf::load
