// SPDX-License-Identifier: Apache-2.0
// pipeline.h — from a module to an object: the passes of each tier, then code generation.
//
// Threads   re-entrant: works on the module's own context.
// Cost      nearly all of a compilation's time.
#pragma once

#include <cstddef>
#include <vector>

#include "base/result.h"
#include "bpf/jit/jit.h"

namespace llvm {
class Module;
class TargetMachine;
}  // namespace llvm

namespace bpf::jit {

enum class Effort : u8 {
  quick,    // registers become SSA values, nothing is inlined but what must be
  reduced,  // what pays on any program, each pass linear in practice: for programs on which O2 takes minutes
  full,     // O2
};
Effort find_effort(Tier tier, size_t insns);

void optimise(llvm::Module& module, llvm::TargetMachine& machine, Effort effort);
base::Result<std::vector<std::byte>> generate(llvm::Module& module, llvm::TargetMachine& machine);

}  // namespace bpf::jit
