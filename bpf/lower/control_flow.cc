// SPDX-License-Identifier: Apache-2.0
// control_flow.cc — jumps get their new distance, calls their name: helper, tail call, subprogram.
#include <algorithm>

#include "bpf/lower/pass.h"
#include "bpf/registry/helper.h"
#include "bpf/registry/kfunc.h"

namespace bpf::lower {

base::Result<u32> find_subprog(const Pass& pass, const LowInsn& low, base::s64 at) {
  const auto& subprogs = pass.verified.subprogs;
  const auto it = std::ranges::lower_bound(subprogs, at, {}, [](const SubprogRange& s) { return base::s64(s.begin); });
  if (it == subprogs.end() || it->begin != at)
    return pass.refuse(low.origin, "no subprogram begins at instruction " + std::to_string(at));
  return u32(it - subprogs.begin());
}

base::Result<LowInsn> lower_jump(const Pass& pass, LowInsn low) {
  if (low.insn.code == (BPF_JMP | BPF_EXIT)) return low;
  const bool far = low.insn.code == (BPF_JMP32 | BPF_JA);
  const base::s64 to = base::s64(low.origin) + 1 + (far ? low.insn.imm : low.insn.off);
  if (to < 0 || std::size_t(to) >= pass.source.insns.size()) return pass.refuse(low.origin, "jump out of the program");
  const s32 distance = s32(pass.new_index[std::size_t(to)]) - s32(pass.new_index[low.origin]) - 1;
  if (!far && distance != s16(distance)) return pass.refuse(low.origin, "the jump does not reach its target any more");
  if (far)
    low.insn.imm = distance;
  else
    low.insn.off = s16(distance);
  return low;
}

base::Result<LowInsn> lower_kfunc(const Pass& pass, LowInsn low) {
  const s16 number = pass.verified.facts[low.origin].kfunc;
  if (number < 0 || u32(number) >= kfunc_count())
    return pass.refuse(low.origin, "call of a kernel function that the verifier has not named");
  const Kfunc& kfunc = get_kfunc(u32(number));
  if (!kfunc.runnable)
    return pass.refuse(low.origin,
                       "kernel function " + std::string(kfunc.name) + " is verified only, it cannot run yet");
  low.op = LowOp::kfunc;
  low.target = u32(number);
  return low;
}

base::Result<LowInsn> lower_call(const Pass& pass, LowInsn low) {
  if (low.insn.src_reg == BPF_PSEUDO_CALL) {
    SLUICE_TRY(low.target, find_subprog(pass, low, base::s64(low.origin) + low.insn.imm + 1));
    low.op = LowOp::call;
    return low;
  }
  if (low.insn.src_reg == BPF_PSEUDO_KFUNC_CALL) return lower_kfunc(pass, low);
  const HelperProto* proto = find_helper(u32(low.insn.imm), pass.source.type);
  if (low.insn.src_reg != 0 || !proto)
    return pass.refuse(low.origin, "call to unknown function " + std::to_string(low.insn.imm));
  if (!proto->runnable)
    return pass.refuse(low.origin, "helper bpf_" + std::string(proto->name) + " is verified only, it cannot run yet");
  low.op = low.insn.imm == BPF_FUNC_tail_call ? LowOp::tail_call : LowOp::helper;
  low.map_index = pass.verified.facts[low.origin].map_index;
  return low;
}

}  // namespace bpf::lower
