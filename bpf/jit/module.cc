// SPDX-License-Identifier: Apache-2.0
// The module around a program: runtime bodies, map symbols, alias scopes, the burst loop.
#include <llvm/Bitcode/BitcodeReader.h>
#include <llvm/IR/InstIterator.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/Linker/Linker.h>
#include <llvm/TargetParser/Host.h>

#include "bpf/jit/emit.h"
#include "bpf/jit/runtime_bitcode.h"
#include "bpf/runtime/burst.h"

namespace bpf::jit {
namespace {

// By what a program may do.
constexpr const char* kBurstForms[] = {"sluice_burst_xdp_0", "sluice_burst_xdp_1", "sluice_burst_xdp_2",
                                       "sluice_burst_xdp_3"};

std::string message(llvm::Error error) {
  return llvm::toString(std::move(error));
}

// The bitcode's loops are marked not to be unrolled, since sizes were unknown when it was made; here they are
// constants.
void allow_unrolling(llvm::Function& f) {
  for (llvm::BasicBlock& block : f)
    if (llvm::Instruction* end = block.getTerminator()) end->setMetadata(llvm::LLVMContext::MD_loop, nullptr);
}

// What the bodies of map operations read from a map's head (their second argument) is set before a program can name the
// map, and stays; words of a head that do change are read atomically. So their loads may leave the burst loop.
void mark_map_head(llvm::Function& f) {
  if (!f.getName().starts_with("map_") || f.arg_size() < 2) return;
  const llvm::DataLayout& layout = f.getDataLayout();
  llvm::MDNode* nothing = llvm::MDNode::get(f.getContext(), {});
  for (llvm::Instruction& insn : llvm::instructions(f)) {
    auto* load = llvm::dyn_cast<llvm::LoadInst>(&insn);
    if (!load || !load->isSimple()) continue;
    llvm::APInt offset(layout.getIndexTypeSizeInBits(load->getPointerOperandType()), 0);
    const llvm::Value* base = load->getPointerOperand()->stripAndAccumulateConstantOffsets(layout, offset, true);
    if (base == f.getArg(1)) load->setMetadata(llvm::LLVMContext::MD_invariant_load, nothing);
  }
}

}  // namespace

ModuleEmitter::ModuleEmitter(llvm::LLVMContext& context, const LoweredProgram& program, Tier tier)
    : context_(context),
      program_(program),
      tier_(tier),
      module_(std::make_unique<llvm::Module>("sluice", context)),
      debug_(std::make_unique<llvm::DIBuilder>(*module_)) {
  module_->addModuleFlag(llvm::Module::Warning, "Debug Info Version", llvm::DEBUG_METADATA_VERSION);
  module_->addModuleFlag(llvm::Module::Warning, "Dwarf Version", 4);
  unit_ = debug_->createCompileUnit(llvm::dwarf::DW_LANG_C11, debug_->createFile("program", ""), "sluice", false, "", 0,
                                    "", llvm::DICompileUnit::LineTablesOnly);
}

void ModuleEmitter::describe(llvm::Function& f, u32 line) {
  auto* type = debug_->createSubroutineType(debug_->getOrCreateTypeArray({}));
  auto* place = debug_->createFunction(unit_, f.getName(), "", unit_->getFile(), line, type, line,
                                       llvm::DINode::FlagZero, llvm::DISubprogram::SPFlagDefinition);
  f.setSubprogram(place);
}

base::Status ModuleEmitter::emit() {
  // Quick code calls the native bodies: reading bitcode would take longer than compiling most programs.
  module_->setTargetTriple(llvm::sys::getProcessTriple());
  if (tier_ != Tier::quick) SLUICE_CHECK(load_runtime());
  make_alias_scopes();
  for (u32 s = 0; s < program_.subprogs.size(); ++s) flows_.push_back(std::make_unique<Flow>(program_, s));
  declare_subprogs();
  for (u32 s = 0; s < program_.subprogs.size(); ++s) SLUICE_CHECK(FunctionEmitter(*this, s, *flows_[s]).emit());
  if (runtime_) SLUICE_CHECK(link_runtime());
  debug_->finalize();
  return base::success();
}

// The loop's own code counts as the entry's first instruction, and so the program keeps its places where it is inlined.
void ModuleEmitter::place_burst(llvm::Function& burst) {
  burst.setName(kBurstSymbol);
  describe(burst, 1);
  auto* place = llvm::DILocation::get(context_, 1, 0, burst.getSubprogram());
  for (llvm::BasicBlock& block : burst)
    for (llvm::Instruction& insn : block) insn.setDebugLoc(place);
}

base::Status ModuleEmitter::load_runtime() {
  const base::ConstBytes bytes = runtime_bitcode();
  const llvm::StringRef text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  auto runtime = llvm::getLazyBitcodeModule(llvm::MemoryBufferRef(text, "runtime.bc"), context_);
  if (!runtime) return base::Error(EIO, "runtime bitcode: " + message(runtime.takeError()));
  runtime_ = std::move(*runtime);
  module_->setDataLayout(runtime_->getDataLayout());
  module_->setTargetTriple(runtime_->getTargetTriple());
  return base::success();
}

// Brings in the bodies that the program refers to; everything but the entry points becomes private to the module.
base::Status ModuleEmitter::link_runtime() {
  const char* burst = nullptr;
  if (program_.type == BPF_PROG_TYPE_XDP)
    burst = kBurstForms[program_.uses_redirect * XDP_BURST_REDIRECTS + program_.moves_packet * XDP_BURST_MOVES];
  if (burst && !find_runtime(burst)) return base::Error(EIO, "runtime bitcode: no function " + std::string(burst));

  if (llvm::Linker::linkModules(*module_, std::move(runtime_), llvm::Linker::LinkOnlyNeeded))
    return base::Error(EIO, "runtime bitcode does not link into the program's module");
  if (burst) place_burst(*module_->getFunction(burst));
  const auto is_entry = [](llvm::StringRef name) { return name == kProgSymbol || name == kBurstSymbol; };
  for (llvm::Function& f : *module_) {
    if (!f.isDeclaration() && !is_entry(f.getName())) f.setLinkage(llvm::GlobalValue::InternalLinkage);
    allow_unrolling(f);
    mark_map_head(f);
  }
  for (llvm::GlobalVariable& v : module_->globals())
    if (!v.isDeclaration()) v.setLinkage(llvm::GlobalValue::InternalLinkage);
  return base::success();
}

llvm::Function* ModuleEmitter::find_runtime(llvm::StringRef name) {
  const llvm::Function* body = runtime_ ? runtime_->getFunction(name) : nullptr;
  if (!body || body->isDeclarationForLinker()) return nullptr;
  auto* declared = llvm::cast<llvm::Function>(module_->getOrInsertFunction(name, body->getFunctionType()).getCallee());
  declared->setAttributes(body->getAttributes());
  return declared;
}

llvm::FunctionCallee ModuleEmitter::helper(llvm::StringRef name) {
  if (llvm::Function* body = find_runtime(name)) return body;
  llvm::Type* word = llvm::Type::getInt64Ty(context_);
  auto* type =
      llvm::FunctionType::get(word, {llvm::PointerType::getUnqual(context_), word, word, word, word, word}, false);
  return module_->getOrInsertFunction(name, type);
}

// Entry: (ctx, env, self). Subprogram: (r1 … r5, env). Callback: the same with integers only, as the runtime calls it.
void ModuleEmitter::declare_subprogs() {
  llvm::Type* word = llvm::Type::getInt64Ty(context_);
  llvm::Type* pointer = llvm::PointerType::getUnqual(context_);
  for (u32 s = 0; s < program_.subprogs.size(); ++s) {
    std::vector<llvm::Type*> parameters(3, pointer);
    if (s > 0) {
      parameters.clear();
      for (int r = 1; r <= 5; ++r) parameters.push_back(flows_[s]->argument_is_pointer(r) ? pointer : word);
      parameters.push_back(pointer);
    }
    auto* type = llvm::FunctionType::get(word, parameters, false);
    auto* f = llvm::Function::Create(type, s ? llvm::GlobalValue::InternalLinkage : llvm::GlobalValue::ExternalLinkage,
                                     s ? "sub" + std::to_string(s) : kProgSymbol, *module_);
    f->setDoesNotThrow();
    if (s == 0)
      for (unsigned a = 0; a < 3; ++a) f->addParamAttr(a, llvm::Attribute::NoAlias);
    for (llvm::Argument& argument : f->args()) argument.addAttr(llvm::Attribute::NoUndef);
    describe(*f, program_.insns[program_.subprogs[s].begin].origin + 1);
    subprogs_.push_back(f);
  }
}

// A constant of one word: the thunk that leaves `self` out. A helper's body that is inlined sees through both.
llvm::GlobalVariable* ModuleEmitter::callback(u32 index) {
  const std::string name = "callback" + std::to_string(index);
  if (auto* known = module_->getGlobalVariable(name, true)) return known;
  llvm::Type* pointer = llvm::PointerType::getUnqual(context_);
  llvm::Function* target = subprogs_[index];
  std::vector<llvm::Type*> parameters{pointer};
  for (const llvm::Argument& argument : target->args()) parameters.push_back(argument.getType());
  auto* type = llvm::FunctionType::get(target->getReturnType(), parameters, false);
  auto* thunk = llvm::Function::Create(type, llvm::GlobalValue::InternalLinkage, name + "_thunk", *module_);
  thunk->setDoesNotThrow();
  llvm::IRBuilder<> builder(llvm::BasicBlock::Create(context_, "", thunk));
  std::vector<llvm::Value*> arguments;
  for (unsigned i = 1; i < thunk->arg_size(); ++i) arguments.push_back(thunk->getArg(i));
  builder.CreateRet(builder.CreateCall(target, arguments));
  auto* constant = new llvm::GlobalVariable(*module_, pointer, true, llvm::GlobalValue::InternalLinkage, thunk, name);
  constant->setAlignment(llvm::Align(8));
  return constant;
}

llvm::GlobalVariable* ModuleEmitter::external_symbol(const std::string& name) {
  auto* bytes = llvm::ArrayType::get(llvm::Type::getInt8Ty(context_), 0);
  auto* symbol = llvm::cast<llvm::GlobalVariable>(module_->getOrInsertGlobal(name, bytes));
  symbol->setAlignment(llvm::Align(8));
  return symbol;
}

llvm::GlobalVariable* ModuleEmitter::map_symbol(u32 map) {
  return external_symbol("sluice_map_" + std::to_string(map));
}

llvm::GlobalVariable* ModuleEmitter::map_value_symbol(u32 map) {
  const MapFacts& facts = program_.maps[map];
  if (!facts.frozen || facts.contents.empty()) return external_symbol("sluice_value_" + std::to_string(map));
  const std::string name = "frozen_" + std::to_string(map);
  if (auto* known = module_->getGlobalVariable(name, true)) return known;
  const llvm::StringRef bytes(reinterpret_cast<const char*>(facts.contents.data()), facts.contents.size());
  llvm::Constant* contents = llvm::ConstantDataArray::getString(context_, bytes, false);
  auto* constant =
      new llvm::GlobalVariable(*module_, contents->getType(), true, llvm::GlobalValue::InternalLinkage, contents, name);
  constant->setAlignment(llvm::Align(8));
  return constant;
}

// Packets, BPF stacks, map values and host structs are four disjoint regions, in whatever program.
void ModuleEmitter::make_alias_scopes() {
  llvm::MDBuilder metadata(context_);
  llvm::MDNode* domain = metadata.createAliasScopeDomain("memory");
  llvm::MDNode* scopes[kScopes];
  constexpr const char* kNames[kScopes] = {"packet", "stack", "map", "host"};
  for (int s = 0; s < kScopes; ++s) scopes[s] = metadata.createAliasScope(kNames[s], domain);
  for (int s = 0; s < kScopes; ++s) {
    std::vector<llvm::Metadata*> others;
    for (int o = 0; o < kScopes; ++o)
      if (o != s) others.push_back(scopes[o]);
    own_scope_[s] = llvm::MDNode::get(context_, {scopes[s]});
    other_scopes_[s] = llvm::MDNode::get(context_, others);
  }
}

void ModuleEmitter::tag_memory(llvm::Instruction* access, MemKind kind) const {
  Scope scope;
  switch (kind) {
    case MemKind::packet:
      scope = kScopePacket;
      break;
    case MemKind::stack:
      scope = kScopeStack;
      break;
    case MemKind::map_value:
      scope = kScopeMap;
      break;
    case MemKind::host:
      scope = kScopeHost;
      break;
    default:
      return;
  }
  access->setMetadata(llvm::LLVMContext::MD_alias_scope, own_scope_[scope]);
  access->setMetadata(llvm::LLVMContext::MD_noalias, other_scopes_[scope]);
}

}  // namespace bpf::jit
