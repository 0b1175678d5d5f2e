// SPDX-License-Identifier: Apache-2.0
// program_generator.h — random XDP programs that a verifier should accept, and whose whole state can be compared.
//
// Shape     a prologue proves 64 bytes of packet, fills registers and stack from them, so nothing is a constant; then
//           random blocks (arithmetic, branches, stack, packet, atomics, subprogram calls, maps, helpers); an epilogue
//           writes every scalar register into the packet, so that a comparison of packets is a comparison of states.
//             r6 context   r7 packet   r8 end of packet   r0–r5, r9 scalars between blocks   [r10-64, r10) initialised
//           Nothing a program computes depends on addresses, time or chance.
// Threads   one. The same seed gives the same program.
#pragma once

#include "base/types.h"
#include "bpf/program.h"

namespace fuzz {

struct GeneratorOptions {
  base::u32 blocks_max = 24;
  bool maps = true;
  bool variable_offsets = true;  // packet and stack accesses at offsets known only at run time
};

bpf::ProgSource generate_program(base::u64 seed, const GeneratorOptions& options = {});

inline constexpr base::u32 kPacketBytes = 64;  // shorter packets take the early way out

}  // namespace fuzz
