// SPDX-License-Identifier: Apache-2.0
// object_btf.h — what a BPF object's BTF says: its maps, its functions, and the blob in the form that BTF_LOAD takes.
//
// Threads   re-entrant.
// Errors    EINVAL and a sentence for what it does not know.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/program.h"
#include "tests/support/object_elf.h"

namespace support {

struct ObjectBtf {
  std::vector<std::byte> blob;                                            // empty: the object has none
  std::map<std::string, bpf::MapFacts> maps;                              // declared in section .maps
  std::vector<bpf::MapFacts> inner_maps;                                  // templates; MapFacts::inner counts here
  std::map<std::pair<std::string, base::u64>, base::u32> function_types;  // by section and byte offset
};

base::Result<ObjectBtf> read_object_btf(const Elf& elf);

}  // namespace support
