// SPDX-License-Identifier: Apache-2.0
// emit.h — one program becomes one LLVM module. Only bpf/jit/*.cc include this: it is where LLVM's headers come in.
//
// Shape     ModuleEmitter: the module, its runtime bitcode, map symbols, alias scopes, one function per subprogram.
//           FunctionEmitter: one subprogram; a register is two stack cells (integer and pointer form) that mem2reg
//           turns into SSA values; Flow says which of the two holds it. One emit_* function per instruction family,
//           each in its file.
// Threads   one LLVMContext per compilation: re-entrant.
// Errors    an instruction that no emitter knows is EOPNOTSUPP with its place.
#pragma once

#include <llvm/IR/DIBuilder.h>
#include <llvm/IR/IRBuilder.h>
#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>

#include <array>
#include <memory>
#include <vector>

#include "bpf/jit/flow.h"
#include "bpf/jit/jit.h"

namespace bpf::jit {

inline constexpr char kProgSymbol[] = "sluice_prog";
inline constexpr char kBurstSymbol[] = "sluice_burst";

class ModuleEmitter {
 public:
  ModuleEmitter(llvm::LLVMContext& context, const LoweredProgram& program, Tier tier);

  // Parses the runtime bitcode (lazily: a body is read when something refers to it) and emits every subprogram.
  base::Status emit();
  std::unique_ptr<llvm::Module> take_module() { return std::move(module_); }

  llvm::Module& module() noexcept { return *module_; }
  const LoweredProgram& program() const noexcept { return program_; }
  bool checks() const noexcept { return tier_ == Tier::checked; }
  llvm::Function* subprog(u32 index) const noexcept { return subprogs_[index]; }
  // struct bpf_callback of a subprogram.
  llvm::GlobalVariable* callback(u32 index);
  // A function of the runtime bitcode, or null.
  llvm::Function* find_runtime(llvm::StringRef name);
  // u64 bpf_<helper>(env, u64 × 5)
  llvm::FunctionCallee helper(llvm::StringRef name);
  llvm::GlobalVariable* map_symbol(u32 map);
  // Where the only value of a map begins: a constant if it is frozen, else a symbol of the linker's.
  llvm::GlobalVariable* map_value_symbol(u32 map);
  // True for the first call sites of map bodies: a program of thousands of look-ups must not grow without bound.
  bool take_inline_budget() noexcept { return inlines_left_ > 0 && inlines_left_-- > 0; }
  // Tags an access with what it goes to, so that the four kinds of memory do not alias.
  void tag_memory(llvm::Instruction* access, MemKind kind) const;

 private:
  base::Status load_runtime();
  base::Status link_runtime();
  void declare_subprogs();
  // Gives a function a place in the line table; `line` is what its code without a place of its own counts as.
  void describe(llvm::Function& f, u32 line);
  void place_burst(llvm::Function& burst);
  void make_alias_scopes();
  llvm::GlobalVariable* external_symbol(const std::string& name);

  llvm::LLVMContext& context_;
  const LoweredProgram& program_;
  const Tier tier_;
  std::unique_ptr<llvm::Module> module_;
  std::unique_ptr<llvm::DIBuilder> debug_;
  llvm::DICompileUnit* unit_ = nullptr;
  std::unique_ptr<llvm::Module> runtime_;  // lazily read; gone once its bodies are linked in
  std::vector<llvm::Function*> subprogs_;
  std::vector<std::unique_ptr<Flow>> flows_;
  int inlines_left_ = 64;
  enum Scope { kScopePacket, kScopeStack, kScopeMap, kScopeHost, kScopes };
  std::array<llvm::MDNode*, kScopes> own_scope_{};
  std::array<llvm::MDNode*, kScopes> other_scopes_{};
};

class FunctionEmitter {
 public:
  FunctionEmitter(ModuleEmitter& module, u32 subprog, const Flow& flow);
  base::Status emit();

 private:
  using Value = llvm::Value;

  // The frame: register cells, the BPF stack, arguments.
  void emit_prologue();
  void emit_block(u32 leader);
  base::Status emit_insn();
  // Before leaving for `target`: registers that it wants as integers and we hold as pointers.
  void settle_edge(u32 target);
  void branch_to(u32 target);
  llvm::BasicBlock* block(u32 leader) const { return blocks_[leader - range_.begin]; }
  void emit_trap();
  // What follows comes from the current instruction.
  void set_place();

  // Registers before the current instruction.
  Value* read(int reg, int bits = 64);
  Value* read_pointer(int reg);
  // The result of the current instruction: takes i64, narrower integers (zero-extended) or a pointer, and stores the
  // form that Flow expects after it.
  void write(int reg, Value* value);
  Value* source(int bits);  // src register or immediate, as BPF_X says
  Value* address(int base, s64 off);
  Value* as_integer(Value* value);
  Value* as_pointer(Value* value);

  // One per instruction family: alu.cc, divide.cc, jump.cc, memory.cc, atomic.cc, call.cc, map_call.cc,
  // immediate.cc; checked.cc for all of them.
  base::Status emit_alu();
  base::Status emit_jump();
  base::Status emit_load();
  base::Status emit_store();
  base::Status emit_atomic();
  base::Status emit_helper();
  base::Status emit_kfunc();
  base::Status emit_subprog_call();
  void emit_tail_call();
  void emit_immediate();
  void emit_load_env();
  void emit_packet_load();

  Value* emit_divide(Value* dst, Value* src, bool modulo, bool is_signed);
  Value* emit_swap(Value* dst);
  Value* emit_move(int bits);
  Value* emit_compare(u8 op, Value* a, Value* b);
  bool emit_map_call();
  Value* load_memory(llvm::Type* type, Value* address, MemKind kind, int base, s64 off);
  void store_memory(Value* value, Value* address, MemKind kind, int base, s64 off);
  // Tier::checked, else nothing: what the access rests on is looked at first.
  void note_run();
  void check_access(Value* pointer, MemKind kind, int bytes, bool aligned);
  void check_map(Value* map, u32 index);
  void require(Value* holds);
  Value* lies_in(Value* address, int bytes, Value* begin, Value* end);
  // True where Flow proves the address a multiple of `bytes`.
  bool is_aligned(int base, s64 off, int bytes) const;
  llvm::IntegerType* int_type(int bits) { return builder_.getIntNTy(unsigned(bits)); }

  base::Error unknown(std::string_view what) const;
  const LowInsn& low() const { return module_.program().insns[at_]; }
  const bpf_insn& insn() const { return low().insn; }

  ModuleEmitter& module_;
  const Flow& flow_;
  const u32 subprog_;
  const SubprogRange range_;
  llvm::Function* function_;
  llvm::IRBuilder<> builder_;
  std::array<llvm::AllocaInst*, MAX_BPF_REG> integers_{};
  std::array<llvm::AllocaInst*, MAX_BPF_REG> pointers_{};
  llvm::AllocaInst* may_goto_left_ = nullptr;
  llvm::AllocaInst* stack_ = nullptr;
  Value* env_ = nullptr;
  std::vector<llvm::BasicBlock*> blocks_;
  FlowState state_;  // before the current instruction
  FlowState after_;  // behind it
  u32 at_ = 0;
};

}  // namespace bpf::jit
