// SPDX-License-Identifier: Apache-2.0
// symbols.h — what an object refers to, and where that is in this process.
//
// Shape     sluice_map_<i>: the map; sluice_value_<i>: its only value; bpf_<helper>: a native body; what the
//           used maps name as their natives; and the memory functions that a compiler may call. Nothing else is ever
//           resolved: an object cannot reach the rest of the process.
// Errors    EINVAL for bytes that are no object for this machine, or that refer to anything else; the sentence names
//           it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/abi/host/bpf_map.h"
#include "bpf/program.h"

namespace bpf::jit {

struct Symbol {
  std::string name;
  u64 address = 0;
};

// Every undefined symbol of the ELF file, with its address.
base::Result<std::vector<Symbol>> resolve_symbols(base::ConstBytes elf, std::span<bpf_map* const> maps);

}  // namespace bpf::jit
