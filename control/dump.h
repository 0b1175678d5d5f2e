// SPDX-License-Identifier: Apache-2.0
// dump.h — a loaded program as text: its eBPF instructions, its machine code, the source lines of both.
//
// Shape     bpftool's keys. xlated: [{"src"?, "disasm", "opcodes"}]. jited: [{"name", "insns": [{"src"?, "pc",
//           "operation", "opcodes", "insn"?}]}], one per function; "insn" is the eBPF instruction it comes from, where
//           that changes.
// Threads   control thread. Errors: EOPNOTSUPP: an interpreted program has no machine code.
// Cost      about a microsecond per machine instruction.
#pragma once

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "control/object.h"

namespace control {

nlohmann::ordered_json dump_xlated(const Program& program);
base::Result<nlohmann::ordered_json> dump_jited(const Program& program);

}  // namespace control
