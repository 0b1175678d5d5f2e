// SPDX-License-Identifier: Apache-2.0
// A subprogram's frame: register cells, blocks, edges between them.
#include <llvm/IR/Intrinsics.h>

#include <cstdio>

#include "bpf/jit/emit.h"

namespace bpf::jit {

FunctionEmitter::FunctionEmitter(ModuleEmitter& module, u32 subprog, const Flow& flow)
    : module_(module),
      flow_(flow),
      subprog_(subprog),
      range_(module.program().subprogs[subprog]),
      function_(module.subprog(subprog)),
      builder_(function_->getContext()),
      blocks_(range_.end - range_.begin) {}

base::Status FunctionEmitter::emit() {
  emit_prologue();
  for (u32 i = range_.begin; i < range_.end; ++i)
    if (flow_.is_leader(i) && flow_.is_reached(i))
      blocks_[i - range_.begin] = llvm::BasicBlock::Create(function_->getContext(), "b" + std::to_string(i), function_);
  builder_.CreateBr(block(range_.begin));

  bool open = false;  // the current block has no terminator yet
  for (at_ = range_.begin; at_ < range_.end; ++at_) {
    if (flow_.is_leader(at_) && flow_.is_reached(at_)) {
      if (open) branch_to(at_);
      builder_.SetInsertPoint(block(at_));
      state_ = flow_.entry(at_);
      open = true;
    }
    if (!open) continue;
    if (low().dead) {
      emit_trap();
      open = false;
      continue;
    }
    set_place();
    after_ = state_;
    flow_.transfer(at_, after_);
    SLUICE_CHECK(emit_insn());
    state_ = after_;
    open = !builder_.GetInsertBlock()->getTerminator();
  }
  if (open) emit_trap();
  return base::success();
}

void FunctionEmitter::set_place() {
  builder_.SetCurrentDebugLocation(
      llvm::DILocation::get(function_->getContext(), low().origin + 1, 0, function_->getSubprogram()));
}

void FunctionEmitter::emit_prologue() {
  builder_.SetInsertPoint(llvm::BasicBlock::Create(function_->getContext(), "entry", function_));
  at_ = range_.begin;
  set_place();
  for (int r = 0; r < MAX_BPF_REG; ++r) {
    integers_[r] = builder_.CreateAlloca(builder_.getInt64Ty(), nullptr, "r" + std::to_string(r));
    pointers_[r] = builder_.CreateAlloca(builder_.getPtrTy(), nullptr, "p" + std::to_string(r));
  }
  stack_ = builder_.CreateAlloca(llvm::ArrayType::get(builder_.getInt8Ty(), MAX_BPF_STACK), nullptr, "stack");
  stack_->setAlignment(llvm::Align(16));
  may_goto_left_ = builder_.CreateAlloca(builder_.getInt64Ty(), nullptr, "may_goto");
  constexpr u64 kMayGotoMax = 8u << 20;  // BPF_MAX_LOOPS of Linux: one budget per frame
  builder_.CreateStore(builder_.getInt64(kMayGotoMax), may_goto_left_);

  builder_.CreateStore(builder_.CreateConstGEP1_64(builder_.getInt8Ty(), stack_, MAX_BPF_STACK), pointers_[BPF_REG_10]);
  const bool is_main = subprog_ == 0;
  const int arguments = is_main ? 1 : 5;
  for (int r = 1; r <= arguments; ++r) {
    llvm::Argument* argument = function_->getArg(unsigned(r - 1));
    builder_.CreateStore(argument, argument->getType()->isPointerTy() ? pointers_[r] : integers_[r]);
  }
  env_ = function_->getArg(unsigned(arguments));
  note_run();
}

void FunctionEmitter::settle_edge(u32 target) {
  const FlowState& wanted = flow_.entry(target);
  for (int r = 0; r < MAX_BPF_REG; ++r) {
    if (after_.regs[r].kind != RegKind::pointer || wanted.regs[r].kind != RegKind::integer) continue;
    Value* pointer = builder_.CreateLoad(builder_.getPtrTy(), pointers_[r]);
    builder_.CreateStore(as_integer(pointer), integers_[r]);
  }
}

void FunctionEmitter::branch_to(u32 target) {
  settle_edge(target);
  builder_.CreateBr(block(target));
}

void FunctionEmitter::emit_trap() {
  builder_.CreateIntrinsic(llvm::Intrinsic::trap, {}, {});
  builder_.CreateUnreachable();
}

llvm::Value* FunctionEmitter::as_integer(Value* value) {
  if (value->getType()->isPointerTy()) return builder_.CreatePtrToInt(value, builder_.getInt64Ty());
  return builder_.CreateZExt(value, builder_.getInt64Ty());
}

llvm::Value* FunctionEmitter::as_pointer(Value* value) {
  if (value->getType()->isPointerTy()) return value;
  return builder_.CreateIntToPtr(as_integer(value), builder_.getPtrTy());
}

llvm::Value* FunctionEmitter::read(int reg, int bits) {
  Value* value = state_.regs[reg].is_pointer() ? as_integer(builder_.CreateLoad(builder_.getPtrTy(), pointers_[reg]))
                                               : builder_.CreateLoad(builder_.getInt64Ty(), integers_[reg]);
  return builder_.CreateTrunc(value, int_type(bits));
}

llvm::Value* FunctionEmitter::read_pointer(int reg) {
  if (state_.regs[reg].is_pointer()) return builder_.CreateLoad(builder_.getPtrTy(), pointers_[reg]);
  return as_pointer(builder_.CreateLoad(builder_.getInt64Ty(), integers_[reg]));
}

void FunctionEmitter::write(int reg, Value* value) {
  if (after_.regs[reg].is_pointer())
    builder_.CreateStore(as_pointer(value), pointers_[reg]);
  else
    builder_.CreateStore(as_integer(value), integers_[reg]);
}

llvm::Value* FunctionEmitter::source(int bits) {
  if (insn_src_is_reg(insn().code)) return read(insn().src_reg, bits);
  return llvm::ConstantInt::getSigned(int_type(bits), insn().imm);
}

llvm::Value* FunctionEmitter::address(int base, s64 off) {
  return builder_.CreateConstGEP1_64(builder_.getInt8Ty(), read_pointer(base), u64(off));
}

base::Error FunctionEmitter::unknown(std::string_view what) const {
  char code[8];
  std::snprintf(code, sizeof code, "0x%02x", insn().code);
  return base::Error(EOPNOTSUPP, name_insn(module_.program(), at_) + ": code " + code + ": " + std::string(what));
}

base::Status FunctionEmitter::emit_insn() {
  switch (low().op) {
    case LowOp::helper:
      return emit_helper();
    case LowOp::kfunc:
      return emit_kfunc();
    case LowOp::tail_call:
      emit_tail_call();
      return base::success();
    case LowOp::call:
      return emit_subprog_call();
    case LowOp::load_map:
    case LowOp::load_map_value:
    case LowOp::load_func:
      emit_immediate();
      return base::success();
    case LowOp::packet_load:
      emit_packet_load();
      return base::success();
    case LowOp::load_env:
      emit_load_env();
      return base::success();
    case LowOp::bpf:
      break;
  }
  switch (insn_class(insn().code)) {
    case BPF_ALU:
    case BPF_ALU64:
      return emit_alu();
    case BPF_JMP:
    case BPF_JMP32:
      return emit_jump();
    case BPF_LDX:
      return emit_load();
    case BPF_ST:
      return emit_store();
    case BPF_STX:
      return insn_mode(insn().code) == BPF_ATOMIC ? emit_atomic() : emit_store();
    default:
      break;
  }
  if (!insn_is_ld_imm64(insn())) return unknown("a load from packet data of classic BPF is not known to the JIT");
  emit_immediate();
  return base::success();
}

}  // namespace bpf::jit
