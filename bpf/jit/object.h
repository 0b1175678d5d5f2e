// SPDX-License-Identifier: Apache-2.0
// object.h — what compile() makes and link() takes: an ELF object with, in front, where each machine instruction comes
// from.
//
// Shape     magic, bytes of the ELF file, number of lines (64 bits each); the ELF file, filled up to a multiple of 8;
//           the lines, ascending by offset. To everyone else it is a run of bytes.
// Threads   pure functions.
// Errors    EINVAL: bytes that are not that.
#pragma once

#include <vector>

#include "bpf/jit/jit.h"

namespace bpf::jit {

struct ObjectView {
  base::ConstBytes elf;
  std::vector<CodeLine> lines;
};

std::vector<std::byte> pack_object(base::ConstBytes elf, std::span<const CodeLine> lines);
base::Result<ObjectView> unpack_object(base::ConstBytes object);

// The lines of an ELF object's DWARF line table, whose line numbers are instruction indexes plus one.
std::vector<CodeLine> read_lines(base::ConstBytes elf);
// The functions that its symbol table places in .text, ascending.
std::vector<CodeFunction> read_functions(base::ConstBytes elf);

}  // namespace bpf::jit
