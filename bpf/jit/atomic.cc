// SPDX-License-Identifier: Apache-2.0
// Atomic read-modify-write, load-acquire, store-release. Fetching forms are full barriers, the others order nothing but
// themselves (Linux's memory model); on x86 both are one locked instruction or a compare-and-swap loop.
#include "bpf/jit/emit.h"

namespace bpf::jit {
namespace {

struct Operation {
  s32 imm;  // without BPF_FETCH
  llvm::AtomicRMWInst::BinOp op;
};
constexpr Operation kOperations[] = {
    {BPF_ADD, llvm::AtomicRMWInst::Add},
    {BPF_OR, llvm::AtomicRMWInst::Or},
    {BPF_AND, llvm::AtomicRMWInst::And},
    {BPF_XOR, llvm::AtomicRMWInst::Xor},
    {BPF_XCHG & ~BPF_FETCH, llvm::AtomicRMWInst::Xchg},
};

}  // namespace

base::Status FunctionEmitter::emit_atomic() {
  using llvm::AtomicOrdering;
  const int bytes = insn_access_bytes(insn().code);
  const s32 imm = insn().imm;
  const llvm::Align align{u64(bytes)};
  llvm::IntegerType* type = int_type(bytes * 8);

  if (imm == BPF_LOAD_ACQ) {
    Value* from = address(insn().src_reg, insn().off);
    check_access(from, low().mem, bytes, true);
    auto* load = builder_.CreateAlignedLoad(type, from, align);
    load->setAtomic(AtomicOrdering::Acquire);
    module_.tag_memory(load, low().mem);
    write(insn().dst_reg, builder_.CreateFreeze(load));
    return base::success();
  }
  Value* to = address(insn().dst_reg, insn().off);
  check_access(to, low().mem, bytes, true);
  Value* operand = read(insn().src_reg, bytes * 8);
  if (imm == BPF_STORE_REL) {
    auto* store = builder_.CreateAlignedStore(operand, to, align);
    store->setAtomic(AtomicOrdering::Release);
    module_.tag_memory(store, low().mem);
    return base::success();
  }
  if (bytes < 4) return unknown("an atomic operation on less than 32 bits");
  if (imm == BPF_CMPXCHG) {
    auto* swap =
        builder_.CreateAtomicCmpXchg(to, read(BPF_REG_0, bytes * 8), operand, align,
                                     AtomicOrdering::SequentiallyConsistent, AtomicOrdering::SequentiallyConsistent);
    module_.tag_memory(swap, low().mem);
    write(BPF_REG_0, builder_.CreateExtractValue(swap, 0));
    return base::success();
  }
  for (const Operation& o : kOperations) {
    if (o.imm != (imm & ~BPF_FETCH) || (o.op == llvm::AtomicRMWInst::Xchg && !(imm & BPF_FETCH))) continue;
    const bool fetch = imm & BPF_FETCH;
    auto* rmw = builder_.CreateAtomicRMW(o.op, to, operand, align,
                                         fetch ? AtomicOrdering::SequentiallyConsistent : AtomicOrdering::Monotonic);
    module_.tag_memory(rmw, low().mem);
    if (fetch) write(insn().src_reg, rmw);
    return base::success();
  }
  return unknown("unknown atomic operation");
}

}  // namespace bpf::jit
