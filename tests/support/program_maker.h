// SPDX-License-Identifier: Apache-2.0
// program_maker.h — random XDP programs that a verifier half accepts: structured, biased to the edges of its rules.
//
// Shape     make_program(seed): the same seed gives the same program. Its maps are always those of fuzz_maps().
#pragma once

#include <vector>

#include "bpf/program.h"

namespace support {

std::vector<bpf::MapFacts> fuzz_maps();
bpf::ProgSource make_program(base::u64 seed);

}  // namespace support
