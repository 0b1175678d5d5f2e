// SPDX-License-Identifier: Apache-2.0
// prog_source.h — from the attr of PROG_LOAD to a ProgSource: descriptors become map indexes, user memory becomes
// values.
//
// Threads   control thread. Errors: those of bpf(2), with a sentence and, where Linux logs one, a log line.
#pragma once

#include "bpf/load/ranges.h"
#include "control/door_state.h"

namespace control {

inline constexpr std::size_t kMapsPerProgramMax = 64;  // as Linux

struct ResolvedProgram {
  bpf::ProgSource source;
  std::vector<std::shared_ptr<Map>> maps;      // parallel to source.maps
  std::shared_ptr<const Btf> btf;
  std::vector<bpf::bpf_insn> original;         // as the caller wrote it: its tag is computed from this
  std::vector<bpf::bpf_insn> xlated;           // with map ids: what dumps show
};

base::Result<ResolvedProgram> resolve_program(Client& client, const bpf::bpf_attr& attr);

// The first 8 bytes of the SHA-256 of the instructions with map descriptors set to zero, as Linux 6.18 computes it.
std::array<u8, 8> program_tag(std::span<const bpf::bpf_insn> insns);

}  // namespace control
