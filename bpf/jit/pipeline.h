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

void optimise(llvm::Module& module, llvm::TargetMachine& machine, Tier tier);
base::Result<std::vector<std::byte>> generate(llvm::Module& module, llvm::TargetMachine& machine);

}  // namespace bpf::jit
