// SPDX-License-Identifier: Apache-2.0
// Arithmetic: wrap-around is defined (no nsw, no nuw), shifts are masked, 32-bit results are zero-extended (write()
// does).
#include <llvm/IR/Intrinsics.h>

#include "bpf/jit/emit.h"

namespace bpf::jit {

// mov, and movsx where off names the width of the source.
llvm::Value* FunctionEmitter::emit_move(int bits) {
  const int from = insn().off;
  if (!insn_src_is_reg(insn().code) || from == 0) return source(bits);
  return builder_.CreateSExt(read(insn().src_reg, from), int_type(bits));
}

// BPF_END: to little endian keeps the low bits, to big endian and the unconditional form of BPF_ALU64 swap them.
llvm::Value* FunctionEmitter::emit_swap(Value* dst) {
  Value* low_bits = builder_.CreateTrunc(dst, int_type(insn().imm));
  const bool swaps = insn_class(insn().code) == BPF_ALU64 || insn_src_is_reg(insn().code);
  return swaps ? builder_.CreateUnaryIntrinsic(llvm::Intrinsic::bswap, low_bits) : low_bits;
}

base::Status FunctionEmitter::emit_alu() {
  const int bits = insn_class(insn().code) == BPF_ALU64 ? 64 : 32;
  const int dst = insn().dst_reg;
  const u8 op = insn_op(insn().code);
  const bool pointer_result = after_.regs[dst].is_pointer();

  if (op == BPF_MOV) {
    if (pointer_result) return write(dst, read_pointer(insn().src_reg)), base::success();
    const s16 width = insn().off;
    if (width != 0 && width != 8 && width != 16 && (width != 32 || bits != 64))
      return unknown("a move between address spaces is not known to the JIT");
    return write(dst, emit_move(bits)), base::success();
  }
  if (op == BPF_END) {
    if (insn().imm != 16 && insn().imm != 32 && insn().imm != 64) return unknown("byte order of an unknown width");
    return write(dst, emit_swap(read(dst))), base::success();
  }
  if (pointer_result) {  // pointer + integer, integer + pointer, pointer - integer
    const bool swapped = !state_.regs[dst].is_pointer();
    Value* offset = swapped ? read(dst) : source(64);
    if (op == BPF_SUB) offset = builder_.CreateNeg(offset);
    Value* base = read_pointer(swapped ? insn().src_reg : dst);
    return write(dst, builder_.CreateGEP(builder_.getInt8Ty(), base, offset)), base::success();
  }

  Value* a = read(dst, bits);
  if (op == BPF_NEG) return write(dst, builder_.CreateNeg(a)), base::success();
  Value* b = source(bits);
  Value* shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH ? builder_.CreateAnd(b, u64(bits - 1)) : nullptr;
  switch (op) {
    case BPF_ADD:
      write(dst, builder_.CreateAdd(a, b));
      break;
    case BPF_SUB:
      write(dst, builder_.CreateSub(a, b));
      break;
    case BPF_MUL:
      write(dst, builder_.CreateMul(a, b));
      break;
    case BPF_OR:
      write(dst, builder_.CreateOr(a, b));
      break;
    case BPF_AND:
      write(dst, builder_.CreateAnd(a, b));
      break;
    case BPF_XOR:
      write(dst, builder_.CreateXor(a, b));
      break;
    case BPF_LSH:
      write(dst, builder_.CreateShl(a, shift));
      break;
    case BPF_RSH:
      write(dst, builder_.CreateLShr(a, shift));
      break;
    case BPF_ARSH:
      write(dst, builder_.CreateAShr(a, shift));
      break;
    case BPF_DIV:
      write(dst, emit_divide(a, b, false, insn().off == 1));
      break;
    case BPF_MOD:
      write(dst, emit_divide(a, b, true, insn().off == 1));
      break;
    default:
      return unknown("unknown arithmetic operation");
  }
  return base::success();
}

// Division by zero gives 0, modulo by zero leaves dst; INT_MIN / -1 is INT_MIN, its remainder 0.
llvm::Value* FunctionEmitter::emit_divide(Value* dst, Value* src, bool modulo, bool is_signed) {
  llvm::Type* type = dst->getType();
  Value* zero = llvm::ConstantInt::get(type, 0);
  Value* one = llvm::ConstantInt::get(type, 1);
  Value* by_zero = builder_.CreateICmpEQ(src, zero);
  Value* when_zero = modulo ? dst : zero;
  if (!is_signed) {
    Value* safe = builder_.CreateSelect(by_zero, one, src);
    Value* result = modulo ? builder_.CreateURem(dst, safe) : builder_.CreateUDiv(dst, safe);
    return builder_.CreateSelect(by_zero, when_zero, result);
  }
  Value* by_minus_one = builder_.CreateICmpEQ(src, llvm::ConstantInt::getAllOnesValue(type));
  Value* safe = builder_.CreateSelect(builder_.CreateOr(by_zero, by_minus_one), one, src);
  Value* result = modulo ? builder_.CreateSRem(dst, safe) : builder_.CreateSDiv(dst, safe);
  result = builder_.CreateSelect(by_minus_one, modulo ? zero : builder_.CreateNeg(dst), result);
  return builder_.CreateSelect(by_zero, when_zero, result);
}

}  // namespace bpf::jit
