// SPDX-License-Identifier: Apache-2.0
// Loads and stores. Packet, stack and host structs belong to the worker: plain accesses without alignment.
// Map values change under our feet: exactly one machine access each, so unordered atomic where the address is known
// to be aligned and volatile elsewhere; neither is split, repeated or invented.
#include "bpf/jit/emit.h"

namespace bpf::jit {
namespace {

// `none`: the instruction reaches memory of several kinds, shared ones among them for all we know.
bool is_shared(MemKind kind) {
  return kind == MemKind::none || kind == MemKind::map_value || kind == MemKind::map_key || kind == MemKind::mem;
}

}  // namespace

bool FunctionEmitter::is_aligned(int base, s64 off, int bytes) const {
  const RegState& reg = state_.regs[base];
  if (bytes == 1) return true;
  return reg.is_pointer() && reg.anchor == Anchor::aligned8 && (reg.offset + off) % bytes == 0;
}

llvm::Value* FunctionEmitter::load_memory(llvm::Type* type, Value* address, MemKind kind, int base, s64 off) {
  const int bytes = int(type->getScalarSizeInBits() / 8);
  check_access(address, kind, bytes, is_shared(kind) && is_aligned(base, off, bytes));
  llvm::LoadInst* load = builder_.CreateAlignedLoad(type, address, llvm::Align(1));
  if (is_shared(kind)) {
    if (is_aligned(base, off, bytes)) {
      load->setAlignment(llvm::Align(u64(bytes)));
      load->setAtomic(llvm::AtomicOrdering::Unordered);
    } else {
      load->setVolatile(true);
    }
  }
  module_.tag_memory(load, kind);
  // A stack byte may never have been written: whatever is there, it is one value from here on. `mem` may be a caller's
  // stack.
  if (kind == MemKind::stack || kind == MemKind::none || kind == MemKind::mem) return builder_.CreateFreeze(load);
  load->setMetadata(llvm::LLVMContext::MD_noundef, llvm::MDNode::get(load->getContext(), {}));
  return load;
}

void FunctionEmitter::store_memory(Value* value, Value* address, MemKind kind, int base, s64 off) {
  const int bytes = int(value->getType()->getScalarSizeInBits() / 8);
  check_access(address, kind, bytes, is_shared(kind) && is_aligned(base, off, bytes));
  llvm::StoreInst* store = builder_.CreateAlignedStore(value, address, llvm::Align(1));
  if (is_shared(kind)) {
    if (is_aligned(base, off, bytes)) {
      store->setAlignment(llvm::Align(u64(bytes)));
      store->setAtomic(llvm::AtomicOrdering::Unordered);
    } else {
      store->setVolatile(true);
    }
  }
  module_.tag_memory(store, kind);
}

base::Status FunctionEmitter::emit_load() {
  const u8 mode = insn_mode(insn().code);
  if (mode != BPF_MEM && mode != BPF_MEMSX) return unknown("unknown kind of load");
  const int bits = insn_access_bytes(insn().code) * 8;
  Value* from = address(insn().src_reg, insn().off);
  Value* value = load_memory(int_type(bits), from, low().mem, insn().src_reg, insn().off);
  if (mode == BPF_MEMSX) value = builder_.CreateSExt(value, builder_.getInt64Ty());
  write(insn().dst_reg, value);
  return base::success();
}

base::Status FunctionEmitter::emit_store() {
  if (insn_mode(insn().code) != BPF_MEM) return unknown("unknown kind of store");
  const int bits = insn_access_bytes(insn().code) * 8;
  Value* to = address(insn().dst_reg, insn().off);
  Value* value = insn_class(insn().code) == BPF_STX ? read(insn().src_reg, bits)
                                                    : llvm::ConstantInt::getSigned(int_type(bits), insn().imm);
  store_memory(value, to, low().mem, insn().dst_reg, insn().off);
  return base::success();
}

void FunctionEmitter::emit_load_env() {
  const int bits = insn_access_bytes(insn().code) * 8;
  Value* from = builder_.CreateConstGEP1_64(builder_.getInt8Ty(), env_, u64(s64(insn().off)));
  auto* load = builder_.CreateAlignedLoad(int_type(bits), from, llvm::Align(1));
  module_.tag_memory(load, MemKind::host);
  write(insn().dst_reg, load);
}

}  // namespace bpf::jit
