// SPDX-License-Identifier: Apache-2.0
#include "bpf/lower/lower.h"

#include "bpf/lower/pass.h"
#include "bpf/registry/helper.h"

namespace bpf::lower {
namespace {

bool is_ctx_access(const ProgSource& source, const VerifiedProgram& verified, u32 at) {
  return verified.facts[at].mem == MemKind::ctx && !insn_is_ld_imm64(source.insns[at]);
}

base::Result<LowInsn> lower_insn(const Pass& pass, u32 at) {
  const InsnFact& fact = pass.verified.facts[at];
  const bpf_insn& insn = pass.source.insns[at];
  if (fact.mem == MemKind::kernel) return pass.refuse(at, "objects of the kernel cannot be read here");
  LowInsn low{.insn = insn, .mem = fact.mem, .dead = !fact.reached, .origin = at};
  if (low.dead) return low;
  if (insn_is_ld_imm64(insn)) return lower_imm64(pass, low);
  if (is_ctx_access(pass.source, pass.verified, at)) return lower_ctx_access(pass, low);
  if (insn.code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn.off == 1)
    return pass.refuse(at, "casts between address spaces (arena) are not executable here");
  const u8 cls = insn_class(insn.code);
  if (cls == BPF_JMP || cls == BPF_JMP32)
    return insn.code == (BPF_JMP | BPF_CALL) ? lower_call(pass, low) : lower_jump(pass, low);
  if (cls == BPF_LD) return pass.refuse(at, "legacy packet access is not executable for this program type");
  return low;
}

std::vector<SubprogRange> move_subprogs(const Pass& pass) {
  std::vector<SubprogRange> moved = pass.verified.subprogs;
  for (SubprogRange& range : moved) {
    range.begin = pass.new_index[range.begin];
    range.end = pass.new_index[range.end];
  }
  return moved;
}

// A tail-called program may do anything: the burst loop of the caller must be ready for it.
void note_uses(LoweredProgram& program, const LowInsn& low) {
  if (low.op == LowOp::tail_call) program.uses_redirect = program.moves_packet = true;
  if (low.op != LowOp::helper) return;
  if (low.insn.imm == BPF_FUNC_redirect || low.insn.imm == BPF_FUNC_redirect_map) program.uses_redirect = true;
  const HelperProto* helper = find_helper(u32(low.insn.imm));
  if (!helper || helper->changes_packet) program.moves_packet = true;
}

base::Status check_shape(const ProgSource& source, const VerifiedProgram& verified) {
  if (verified.facts.size() != source.insns.size())
    return base::Error(EINVAL, "lower: facts of another program: " + std::to_string(verified.facts.size()) +
                                   " facts, " + std::to_string(source.insns.size()) + " instructions");
  if (verified.subprogs.empty() || verified.subprogs.front().begin != 0 ||
      verified.subprogs.back().end != source.insns.size())
    return base::Error(EINVAL, "lower: subprograms do not cover the program");
  if (!source.insns.empty() && insn_is_ld_imm64(source.insns.back()))
    return base::Error(EINVAL, "lower: a 64-bit immediate is cut off at the end of the program");
  return base::success();
}

}  // namespace

base::Result<LoweredProgram> lower(const ProgSource& source, const VerifiedProgram& verified) {
  SLUICE_CHECK(check_shape(source, verified));
  SLUICE_TRY(const ProgSpec* spec, find_runnable_prog_spec(source.type));
  const Pass pass(source, verified, *spec);
  LoweredProgram program{.type = source.type, .name = source.name, .maps = source.maps};
  program.insns.reserve(source.insns.size());
  for (u32 at = 0; at < source.insns.size(); at += insn_is_ld_imm64(source.insns[at]) ? 2 : 1) {
    SLUICE_TRY(LowInsn low, lower_insn(pass, at));
    if (!low.dead) note_uses(program, low);
    program.insns.push_back(low);
  }
  program.subprogs = move_subprogs(pass);
  return program;
}

}  // namespace bpf::lower
