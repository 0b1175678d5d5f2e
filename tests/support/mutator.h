// SPDX-License-Identifier: Apache-2.0
// mutator.h — small changes of a program: what lies close to a case that was written to stand at the edge of a rule.
//
// Shape     mutate(): one to four changes of instructions in place, or an instruction put in, with jumps, calls and
//           func_info moved along. `other` lends instructions. The same seed makes the same change.
#pragma once

#include <random>

#include "bpf/program.h"

namespace support {

void mutate(bpf::ProgSource& program, const bpf::ProgSource& other, std::mt19937_64& random);

}  // namespace support
