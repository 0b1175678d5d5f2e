// SPDX-License-Identifier: Apache-2.0
// Jumps and exit. Comparisons are of integers, pointers too: an order between unrelated objects is defined that way.
#include <llvm/IR/MDBuilder.h>

#include "bpf/jit/emit.h"

namespace bpf::jit {
namespace {

struct Comparison {
  u8 op;
  llvm::CmpInst::Predicate predicate;
};
constexpr Comparison kComparisons[] = {
    {BPF_JEQ, llvm::CmpInst::ICMP_EQ},   {BPF_JNE, llvm::CmpInst::ICMP_NE},   {BPF_JGT, llvm::CmpInst::ICMP_UGT},
    {BPF_JGE, llvm::CmpInst::ICMP_UGE},  {BPF_JLT, llvm::CmpInst::ICMP_ULT},  {BPF_JLE, llvm::CmpInst::ICMP_ULE},
    {BPF_JSGT, llvm::CmpInst::ICMP_SGT}, {BPF_JSGE, llvm::CmpInst::ICMP_SGE}, {BPF_JSLT, llvm::CmpInst::ICMP_SLT},
    {BPF_JSLE, llvm::CmpInst::ICMP_SLE},
};

}  // namespace

llvm::Value* FunctionEmitter::emit_compare(u8 op, Value* a, Value* b) {
  if (op == BPF_JSET) return builder_.CreateIsNotNull(builder_.CreateAnd(a, b));
  for (const Comparison& c : kComparisons)
    if (c.op == op) return builder_.CreateICmp(c.predicate, a, b);
  return nullptr;
}

base::Status FunctionEmitter::emit_jump() {
  const u8 op = insn_op(insn().code);
  if (op == BPF_EXIT) return builder_.CreateRet(read(BPF_REG_0)), base::success();
  if (op == BPF_CALL) return unknown("a call of a kernel function is not known to the JIT");

  const u32 target = find_successors(module_.program(), at_).target;
  if (op == BPF_JA) return branch_to(target), base::success();

  Value* taken;
  if (op == BPF_JCOND) {  // may_goto: goes on until the frame's budget is spent
    Value* left = builder_.CreateLoad(builder_.getInt64Ty(), may_goto_left_);
    taken = builder_.CreateIsNull(left);
    Value* less = builder_.CreateSub(left, builder_.getInt64(1));
    builder_.CreateStore(builder_.CreateSelect(taken, left, less), may_goto_left_);
  } else {
    const int bits = insn_class(insn().code) == BPF_JMP ? 64 : 32;
    taken = emit_compare(op, read(insn().dst_reg, bits), source(bits));
    if (!taken) return unknown("unknown jump");
  }
  const u32 next = at_ + 1;
  if (next >= range_.end) return unknown("falls off the end of its subprogram");
  settle_edge(target);
  settle_edge(next);
  llvm::BranchInst* branch = builder_.CreateCondBr(taken, block(target), block(next));
  // In a loop an equality is a rare event. Without a word LLVM turns such branches into conditional moves, and a
  // chain of arithmetic through a conditional move is slower than a branch that the CPU predicts (perf/engines,
  // alu_branch).
  if (flow_.is_in_loop(at_) && (op == BPF_JEQ || op == BPF_JNE)) {
    constexpr unsigned kRare = 1, kUsual = 200;
    llvm::MDBuilder metadata(function_->getContext());
    branch->setMetadata(llvm::LLVMContext::MD_prof, op == BPF_JEQ ? metadata.createBranchWeights(kRare, kUsual)
                                                                  : metadata.createBranchWeights(kUsual, kRare));
  }
  return base::success();
}

}  // namespace bpf::jit
