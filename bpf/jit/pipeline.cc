// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/pipeline.h"

#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/Module.h>
#include <llvm/Passes/PassBuilder.h>
#include <llvm/Target/TargetMachine.h>
#include <llvm/Transforms/IPO/AlwaysInliner.h>
#include <llvm/Transforms/IPO/GlobalDCE.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>
#include <llvm/Transforms/Scalar/SROA.h>
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

}  // namespace

void optimise(llvm::Module& module, llvm::TargetMachine& machine, Tier tier) {
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
  llvm::ModulePassManager passes = tier == Tier::quick ? quick_passes() : optimised_passes(builder);
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
