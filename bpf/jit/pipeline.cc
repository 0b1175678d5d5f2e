// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/pipeline.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/ADCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SROA.h>
#include <llvm/Transforms/Scalar/SimplifyCFG.h>
#include <llvm/Transforms/Utils/Mem2Reg.h>

namespace bpf::jit {
namespace {

// Registers become SSA values; nothing clever.
llvm::ModulePassManager quick_passes() {
  llvm::FunctionPassManager scalars;
  scalars.addPass(llvm::PromotePass());
  scalars.addPass(llvm::EarlyCSEPass());
  llvm::ModulePassManager passes;
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(scalars)));
  passes.addPass(llvm::AlwaysInlinerPass());
  passes.addPass(llvm::GlobalDCEPass());
  return passes;
}

llvm::ModulePassManager optimised_passes(llvm::PassBuilder& builder) {
  llvm::FunctionPassManager scalars;
  // Before anything looks at the BPF stack: dead pointer-to-integer casts would make it escape.
  scalars.addPass(llvm::PromotePass());
  scalars.addPass(llvm::EarlyCSEPass());
  llvm::ModulePassManager passes;
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(scalars)));
  passes.addPass(builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O2));
  return passes;
}

llvm::ModulePassManager reduced_passes() {
  llvm::FunctionPassManager scalars;
  scalars.addPass(llvm::PromotePass());
  scalars.addPass(llvm::EarlyCSEPass());
  scalars.addPass(llvm::SimplifyCFGPass());
  llvm::FunctionPassManager after_inlining;
  after_inlining.addPass(llvm::SROAPass(llvm::SROAOptions::ModifyCFG));
  after_inlining.addPass(llvm::EarlyCSEPass(true));
  after_inlining.addPass(llvm::InstCombinePass());
  after_inlining.addPass(llvm::SimplifyCFGPass());
  after_inlining.addPass(llvm::ADCEPass());
  llvm::ModulePassManager passes;
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(scalars)));
  passes.addPass(llvm::AlwaysInlinerPass());
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(std::move(after_inlining)));
  passes.addPass(llvm::GlobalDCEPass());
  return passes;
}

llvm::ModulePassManager passes_of(Effort effort, llvm::PassBuilder& builder) {
  switch (effort) {
    case Effort::quick:
      return quick_passes();
    case Effort::reduced:
      return reduced_passes();
    case Effort::full:
      break;
  }
  return optimised_passes(builder);
}

// O2 on one straight function: 4,000 instructions 0.2 s, 15,000 3.7 s (perf/run compile).
constexpr size_t kFullInsnsMax = 6'000;

}  // namespace

Effort find_effort(Tier tier, size_t insns) {
  if (tier != Tier::optimised) return Effort::quick;
  return insns <= kFullInsnsMax ? Effort::full : Effort::reduced;
}

void optimise(llvm::Module& module, llvm::TargetMachine& machine, Effort effort) {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  llvm::PipelineTuningOptions tuning;
  tuning.SLPVectorization = true;  // clang's default, not PassBuilder's: checksums over unrolled loads
  llvm::PassBuilder builder(&machine, tuning);
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  llvm::ModulePassManager passes = passes_of(effort, builder);
  passes.run(module, modules);
}

base::Result<std::vector<std::byte>> generate(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream out(bytes);
  llvm::legacy::PassManager passes;
  if (machine.addPassesToEmitFile(passes, out, nullptr, llvm::CodeGenFileType::ObjectFile))
    return base::Error(EIO, "LLVM cannot write objects for this target");
  passes.run(module);
  const auto* begin = reinterpret_cast<const std::byte*>(bytes.data());
  return std::vector<std::byte>(begin, begin + bytes.size());
}

}  // namespace bpf::jit
