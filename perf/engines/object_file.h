// SPDX-License-Identifier: Apache-2.0
// object_file.h — the instructions of a benchmark program out of its object; maps are named by the benchmark's own
// table.
//
// Shape     one program per object, in section `xdp`; each relocation of it names a map.
// Errors    EINVAL with what is wrong. Not the loader: this reads only what our own compiler has just written.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "bpf/abi/insn.h"

namespace engines {

struct ObjectFile {
  std::vector<bpf::bpf_insn> insns;  // src_reg and imm of map references as ProgSource wants them: index into `maps`
  std::vector<std::string> maps;     // in the order of first use
};

base::Result<ObjectFile> read_object(const std::string& path);

}  // namespace engines
