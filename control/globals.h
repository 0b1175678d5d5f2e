// SPDX-License-Identifier: Apache-2.0
// globals.h — global variables of an object by name: which section, where in it, of which type.
//
// Threads   re-entrant. Errors: ENOENT with the names there are. Cost: linear in the BTF.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bpf/btf/btf.h"

namespace control {

struct GlobalVariable {
  std::string section;       // ".rodata", ".data", ".bss" and their relatives
  base::u32 offset = 0;
  base::u32 type = 0;        // BTF type of the variable
  base::u32 size = 0;
};
base::Result<GlobalVariable> find_global(const bpf::btf::Btf& types, std::string_view name);

// Bytes for a variable, to be set before the object is loaded.
struct GlobalBytes {
  std::string section;
  base::u32 offset = 0;
  std::vector<std::byte> bytes;
};

}  // namespace control
