// SPDX-License-Identifier: Apache-2.0
// asm.h — programs as text, in the notation of Linux's verifier log plus labels.
//
// Shape     one instruction per line; `name:` is a label; `#` begins a comment. Jumps, calls of subprograms and
//           function addresses name labels; helpers go by name. Beside the log's notation: r1 = map[0],
//           r1 = map[0][0]+8, r1 = func label, r1 = 0x1122334455667788 ll, raw 07 1 0 0 14.
// Errors    EINVAL with the line.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/abi/insn.h"

namespace support {

// `labels`: where each label ended up.
base::Result<std::vector<bpf::bpf_insn>> assemble(std::string_view text,
                                                  std::map<std::string, std::size_t>* labels = nullptr);

}  // namespace support
