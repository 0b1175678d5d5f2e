// SPDX-License-Identifier: Apache-2.0
// sample.h — programs of any size for the compile benchmark: parsing, arithmetic, branches, stack, map look-ups.
//
// Shape     a straight function with short forward branches, as clang makes of unrolled parsers; every sixteenth block
//           looks a key up in the one map. `variant` makes programs of one size differ.
#pragma once

#include "bpf/program.h"

namespace compile_bench {

bpf::ProgSource make_sample(base::u32 insns, base::u32 variant = 0);

}  // namespace compile_bench
