// SPDX-License-Identifier: Apache-2.0
// immediates.cc — 64-bit immediates: plain numbers, maps, values of maps, callbacks.
#include "bpf/lower/pass.h"

namespace bpf::lower {
namespace {

base::Result<LowInsn> lower_map_ref(const Pass& pass, LowInsn low, LowOp op, s32 value_offset) {
  const s32 map_index = low.insn.imm;
  if (map_index < 0 || std::size_t(map_index) >= pass.source.maps.size())
    return pass.refuse(low.origin, "there is no map with index " + std::to_string(map_index));
  low.op = op;
  low.map_index = s16(map_index);
  low.insn.imm = value_offset;
  return low;
}

}  // namespace

base::Result<LowInsn> lower_imm64(const Pass& pass, LowInsn low) {
  const s32 high = pass.source.insns[low.origin + 1].imm;
  switch (low.insn.src_reg) {
    case 0:
      low.imm64 = u64(u32(high)) << 32 | u32(low.insn.imm);
      return low;
    case BPF_PSEUDO_MAP_FD:
      return lower_map_ref(pass, low, LowOp::load_map, 0);
    case BPF_PSEUDO_MAP_VALUE:
      return lower_map_ref(pass, low, LowOp::load_map_value, high);
    case BPF_PSEUDO_FUNC: {
      SLUICE_TRY(low.target, find_subprog(pass, low, base::s64(low.origin) + low.insn.imm + 1));
      low.op = LowOp::load_func;
      return low;
    }
    default:
      return pass.refuse(low.origin, "unknown kind of 64-bit immediate: " + std::to_string(low.insn.src_reg));
  }
}

}  // namespace bpf::lower
