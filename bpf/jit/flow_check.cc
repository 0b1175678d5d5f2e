// SPDX-License-Identifier: Apache-2.0
// check_program: what the emitters take for granted.
#include "bpf/jit/flow.h"
#include "bpf/registry/kfunc.h"

namespace bpf::jit {
namespace {

base::Error bad(const LoweredProgram& program, u32 insn, const std::string& what) {
  return base::Error(EINVAL, name_insn(program, insn) + ": " + what);
}

// Calls of a target name a subprogram, map references a map.
base::Status check_operands(const LoweredProgram& program, u32 i) {
  const LowInsn& low = program.insns[i];
  const auto maps = s64(program.maps.size());
  if (low.insn.dst_reg >= MAX_BPF_REG || low.insn.src_reg >= MAX_BPF_REG) return bad(program, i, "register above r10");
  if (low.map_index < -1 || low.map_index >= maps) return bad(program, i, "map index out of range");
  if ((low.op == LowOp::load_map || low.op == LowOp::load_map_value) && low.map_index < 0)
    return bad(program, i, "a map reference without a map");
  if ((low.op == LowOp::call || low.op == LowOp::load_func) && low.target >= program.subprogs.size())
    return bad(program, i, "call of subprogram " + std::to_string(low.target) + ", which does not exist");
  if (low.op == LowOp::kfunc && (low.target >= kfunc_count() || !get_kfunc(low.target).runnable))
    return bad(program, i, "call of kernel function " + std::to_string(low.target) + ", which cannot run");
  return base::success();
}

base::Status check_subprog(const LoweredProgram& program, const SubprogRange& range) {
  for (u32 i = range.begin; i < range.end; ++i) {
    if (program.insns[i].dead) continue;
    SLUICE_CHECK(check_operands(program, i));
    const Successors next = find_successors(program, i);
    if (next.jumps && (next.target < range.begin || next.target >= range.end))
      return bad(program, i, "jump to " + std::to_string(next.target) + ", outside its subprogram");
  }
  return base::success();
}

}  // namespace

std::string name_insn(const LoweredProgram& program, u32 insn) {
  return "instruction " + std::to_string(insn) + " (from " + std::to_string(program.insns[insn].origin) + ")";
}

base::Status check_program(const LoweredProgram& program) {
  if (program.subprogs.empty()) return base::Error(EINVAL, "a program without subprograms");
  u32 end = 0;
  for (const SubprogRange& range : program.subprogs) {
    if (range.begin != end || range.end <= range.begin || range.end > program.insns.size())
      return base::Error(EINVAL, "subprogram [" + std::to_string(range.begin) + ", " + std::to_string(range.end) +
                                     ") does not follow the one before it");
    end = range.end;
    SLUICE_CHECK(check_subprog(program, range));
  }
  if (end != program.insns.size()) return base::Error(EINVAL, "instructions behind the last subprogram");
  return base::success();
}

}  // namespace bpf::jit
