// SPDX-License-Identifier: Apache-2.0
// Calls: subprograms, helpers, tail calls. r0 is the result; r1 … r5 hold nothing afterwards.
#include <string>
#include <vector>

#include "bpf/jit/emit.h"
#include "bpf/registry/helper.h"
#include "bpf/registry/kfunc.h"

namespace bpf::jit {

// Subprograms are functions (r1 … r5, env) -> r0; an argument that the callee uses as an address travels as a pointer.
base::Status FunctionEmitter::emit_subprog_call() {
  llvm::Function* callee = module_.subprog(low().target);
  std::vector<Value*> arguments;
  if (low().target == 0) return unknown("a call of the program's own entry is not known to the JIT");
  for (int r = 1; r <= 5; ++r) {
    const bool unset = state_.regs[r].kind == RegKind::none;
    llvm::Type* type = callee->getArg(unsigned(r - 1))->getType();
    if (unset)
      arguments.push_back(llvm::Constant::getNullValue(type));
    else
      arguments.push_back(type->isPointerTy() ? read_pointer(r) : read(r));
  }
  arguments.push_back(env_);
  write(BPF_REG_0, builder_.CreateCall(callee, arguments));
  return base::success();
}

base::Status FunctionEmitter::emit_helper() {
  const HelperProto* proto = find_helper(u32(insn().imm), module_.program().type);
  if (!proto || !proto->runnable) return unknown("helper " + std::to_string(insn().imm) + " has no body");
  if (emit_map_call()) return base::success();
  std::vector<Value*> arguments{env_};
  for (int r = 1; r <= 5; ++r) {
    const bool ignored = proto->args[r - 1] == Arg::DONTCARE && !proto->more_args;
    const bool unset = ignored || state_.regs[r].kind == RegKind::none;
    arguments.push_back(unset ? builder_.getInt64(0) : read(r));
  }
  write(BPF_REG_0, builder_.CreateCall(module_.helper("bpf_" + std::string(proto->name)), arguments));
  return base::success();
}

void FunctionEmitter::emit_packet_load() {
  Value* zero = builder_.getInt64(0);
  write(BPF_REG_0,
        builder_.CreateCall(module_.helper("bpf_packet_load"), {env_, read(1), read(2), read(3), zero, zero}));
}

// Bodies take five words; what the program has not set is passed as 0.
base::Status FunctionEmitter::emit_kfunc() {
  std::vector<Value*> arguments{env_};
  for (int r = 1; r <= 5; ++r)
    arguments.push_back(state_.regs[r].kind == RegKind::none ? builder_.getInt64(0) : read(r));
  write(BPF_REG_0, builder_.CreateCall(module_.helper(get_kfunc(low().target).name), arguments));
  return base::success();
}

// The runtime's bpf_tail_call returns the program to go on with, or 0. Going on leaves this frame with that program's
// result: from the entry as a true tail call, from a subprogram as an ordinary call (at most 33 deep).
void FunctionEmitter::emit_tail_call() {
  llvm::LLVMContext& context = function_->getContext();
  Value* zero = builder_.getInt64(0);
  Value* next = builder_.CreateCall(module_.helper("bpf_tail_call"), {env_, read(1), read(2), read(3), zero, zero});
  Value* go = builder_.CreateIsNotNull(next);
  auto* jump = llvm::BasicBlock::Create(context, "tail_call", function_);
  auto* stay = llvm::BasicBlock::Create(context, "no_tail_call", function_);
  builder_.CreateCondBr(go, jump, stay);

  builder_.SetInsertPoint(jump);
  llvm::Type* pointer = builder_.getPtrTy();
  Value* prog = as_pointer(next);
  llvm::LoadInst* run = builder_.CreateLoad(pointer, prog);  // bpf_prog::run is the first member
  run->setAtomic(llvm::AtomicOrdering::Unordered);           // a better compilation may replace it meanwhile
  auto* type = llvm::FunctionType::get(builder_.getInt64Ty(), {pointer, pointer, pointer}, false);
  llvm::CallInst* call = builder_.CreateCall(type, run, {read_pointer(1), env_, prog});
  call->setTailCallKind(subprog_ == 0 ? llvm::CallInst::TCK_MustTail : llvm::CallInst::TCK_NoTail);
  builder_.CreateRet(call);

  builder_.SetInsertPoint(stay);
  write(BPF_REG_0, builder_.getInt64(0));
}

}  // namespace bpf::jit
