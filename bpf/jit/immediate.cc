// SPDX-License-Identifier: Apache-2.0
// 64-bit immediates: numbers, map addresses, addresses of map values, callbacks.
#include "bpf/jit/emit.h"

namespace bpf::jit {

void FunctionEmitter::emit_immediate() {
  Value* value = nullptr;
  switch (low().op) {
    case LowOp::load_map:
      value = module_.map_symbol(u32(low().map_index));
      break;
    case LowOp::load_map_value:
      value = builder_.CreateConstGEP1_64(builder_.getInt8Ty(), module_.map_value_symbol(u32(low().map_index)),
                                          u64(s64(insn().imm)));
      break;
    case LowOp::load_func:
      value = module_.callback(low().target);
      break;
    default:
      value = builder_.getInt64(low().imm64);
      break;
  }
  write(insn().dst_reg, value);
}

}  // namespace bpf::jit
