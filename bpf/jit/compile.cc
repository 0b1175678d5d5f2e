// SPDX-License-Identifier: Apache-2.0
#include <llvm/IR/Verifier.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Target/TargetMachine.h>

#include <mutex>

#include "bpf/jit/emit.h"
#include "bpf/jit/object.h"
#include "bpf/jit/pipeline.h"
#include "bpf/jit/target.h"

namespace bpf::jit {
namespace {

// Position-independent: maps and natives lie anywhere in the address space and are reached through the object's own
// table.
base::Result<std::unique_ptr<llvm::TargetMachine>> make_machine(const std::string& triple, Tier tier) {
  static std::once_flag initialised;
  std::call_once(initialised, [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
  });
  SLUICE_TRY(const std::string cpu, find_target_cpu());
  std::string why;
  const llvm::Target* target = llvm::TargetRegistry::lookupTarget(triple, why);
  if (!target) return base::Error(ENOTSUP, "LLVM has no target " + triple + ": " + why);
  const auto level = tier == Tier::optimised ? llvm::CodeGenOptLevel::Default : llvm::CodeGenOptLevel::None;
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      triple, cpu, "", llvm::TargetOptions(), llvm::Reloc::PIC_, llvm::CodeModel::Small, level));
}

// One target for all functions, runtime bodies included: LLVM inlines only where the features agree.
void set_function_attributes(llvm::Module& module, const llvm::TargetMachine& machine) {
  for (llvm::Function& f : module) {
    if (f.isDeclaration()) continue;
    f.removeFnAttr("target-features");
    f.removeFnAttr("tune-cpu");
    f.addFnAttr("target-cpu", machine.getTargetCPU());
    f.addFnAttr("prefer-vector-width", "256");
    f.setDoesNotThrow();
  }
}

// The single-packet form is inlined into the burst loop unless it is so large that a second copy buys nothing.
void set_burst_inlining(llvm::Module& module, const LoweredProgram& program, Tier tier) {
  constexpr size_t kInlineInsnsMax = 2000;
  if (!module.getFunction(kBurstSymbol)) return;
  const bool inlines = tier == Tier::optimised && program.insns.size() <= kInlineInsnsMax;
  module.getFunction(kProgSymbol)->addFnAttr(inlines ? llvm::Attribute::AlwaysInline : llvm::Attribute::NoInline);
}

base::Status check_module(const llvm::Module& module) {
  std::string text;
  llvm::raw_string_ostream out(text);
  if (llvm::verifyModule(module, &out)) return base::Error(EIO, "the JIT made invalid LLVM IR: " + text);
  return base::success();
}

}  // namespace

base::Result<std::vector<std::byte>> compile(const LoweredProgram& program, const CompileOptions& options) {
  SLUICE_CHECK(check_program(program));
  llvm::LLVMContext context;
  ModuleEmitter emitter(context, program, options.tier);
  SLUICE_CHECK(emitter.emit());
  std::unique_ptr<llvm::Module> module = emitter.take_module();
  SLUICE_CHECK(check_module(*module));
  SLUICE_TRY(auto machine, make_machine(module->getTargetTriple(), options.tier));
  module->setDataLayout(machine->createDataLayout());
  if (module->getPICLevel() == llvm::PICLevel::NotPIC) module->setPICLevel(llvm::PICLevel::BigPIC);
  set_function_attributes(*module, *machine);
  set_burst_inlining(*module, program, options.tier);
  optimise(*module, *machine, find_effort(options.tier, program.insns.size()));
  SLUICE_TRY(const std::vector<std::byte> elf, generate(*module, *machine));
  return pack_object(elf, read_lines(elf));
}

std::string_view tier_name(Tier tier) {
  constexpr std::string_view kNames[] = {"quick", "optimised", "checked"};
  return kNames[size_t(tier)];
}

}  // namespace bpf::jit
