// SPDX-License-Identifier: Apache-2.0
// Tier::checked: the facts that the other tiers rest on, looked at before each access. What does not hold traps.
//
// Shape     where an access goes (MemKind: packet, stack, map value, host struct), which optimised code turns into
//           alias scopes; alignment, which becomes atomic accesses; the one map of a helper call, a constant then.
//           The module keeps the entry's context and frame address in two globals: code of this tier runs on one thread
//           at a time, and no callee of the entry lives above that frame.
#include <llvm/IR/Intrinsics.h>

#include "bpf/abi/host/xdp_buff.h"
#include "bpf/jit/emit.h"

namespace bpf::jit {
namespace {

constexpr char kContext[] = "checked_context";
constexpr char kFrame[] = "checked_frame";

llvm::GlobalVariable* find_word(llvm::Module& module, const char* name) {
  if (auto* known = module.getGlobalVariable(name, true)) return known;
  llvm::Type* word = llvm::Type::getInt64Ty(module.getContext());
  return new llvm::GlobalVariable(module, word, false, llvm::GlobalValue::InternalLinkage,
                                  llvm::ConstantInt::get(word, 0), name);
}

}  // namespace

// Of the entry: where its context is and below which address the stacks of this run lie.
void FunctionEmitter::note_run() {
  if (!module_.checks() || subprog_ != 0) return;
  Value* frame = builder_.CreateIntrinsic(llvm::Intrinsic::frameaddress, {builder_.getPtrTy()}, {builder_.getInt32(0)});
  builder_.CreateStore(as_integer(frame), find_word(module_.module(), kFrame));
  builder_.CreateStore(as_integer(function_->getArg(0)), find_word(module_.module(), kContext));
}

void FunctionEmitter::require(Value* holds) {
  llvm::LLVMContext& context = function_->getContext();
  auto* broken = llvm::BasicBlock::Create(context, "broken", function_);
  auto* good = llvm::BasicBlock::Create(context, "good", function_);
  builder_.CreateCondBr(holds, good, broken);
  builder_.SetInsertPoint(broken);
  emit_trap();
  builder_.SetInsertPoint(good);
}

// [address, + bytes) within [begin, end)
llvm::Value* FunctionEmitter::lies_in(Value* address, int bytes, Value* begin, Value* end) {
  Value* last = builder_.CreateAdd(address, builder_.getInt64(u64(bytes)));
  return builder_.CreateAnd(builder_.CreateICmpUGE(address, begin), builder_.CreateICmpULE(last, end));
}

void FunctionEmitter::check_access(Value* pointer, MemKind kind, int bytes, bool aligned) {
  if (!module_.checks()) return;
  Value* address = as_integer(pointer);
  if (aligned) require(builder_.CreateIsNull(builder_.CreateAnd(address, u64(bytes - 1))));
  if (module_.program().type != BPF_PROG_TYPE_XDP) return;  // of other contexts nothing is known here

  Value* context = builder_.CreateLoad(builder_.getInt64Ty(), find_word(module_.module(), kContext));
  const auto field = [&](size_t offset, int bits) {
    Value* at = builder_.CreateIntToPtr(builder_.CreateAdd(context, builder_.getInt64(offset)), builder_.getPtrTy());
    return builder_.CreateZExt(builder_.CreateAlignedLoad(int_type(bits), at, llvm::Align(1)), builder_.getInt64Ty());
  };
  Value* begin = field(offsetof(xdp_buff, data_hard_start), 64);
  Value* in_packet = lies_in(address, bytes, begin, builder_.CreateAdd(begin, field(offsetof(xdp_buff, frame_sz), 32)));
  Value* in_stack = lies_in(address, bytes, as_integer(stack_),
                            builder_.CreateLoad(builder_.getInt64Ty(), find_word(module_.module(), kFrame)));
  Value* env = as_integer(env_);
  Value* in_host = builder_.CreateOr(
      lies_in(address, bytes, context, builder_.CreateAdd(context, builder_.getInt64(sizeof(xdp_buff)))),
      lies_in(address, bytes, env, builder_.CreateAdd(env, builder_.getInt64(sizeof(bpf_env)))));
  switch (kind) {
    case MemKind::packet:
      return require(in_packet);
    case MemKind::stack:
      return require(in_stack);
    case MemKind::host:
      return require(in_host);
    case MemKind::map_value:
      return require(builder_.CreateNot(builder_.CreateOr(in_packet, builder_.CreateOr(in_stack, in_host))));
    default:
      return;
  }
}

void FunctionEmitter::check_map(Value* map, u32 index) {
  if (!module_.checks()) return;
  require(builder_.CreateICmpEQ(map, as_integer(module_.map_symbol(index))));
}

}  // namespace bpf::jit
