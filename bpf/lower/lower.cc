// SPDX-License-Identifier: Apache-2.0
#include "bpf/lower/lower.h"

#include "bpf/lower/pass.h"
#include "bpf/registry/helper.h"

namespace bpf::lower {
namespace {

base::Result<LowInsn> lower_one(const Pass& pass, LowInsn low) {
  if (low.dead) return low;
  if (insn_is_ld_imm64(low.insn)) return lower_imm64(pass, low);
  if (low.insn.code == (BPF_ALU64 | BPF_MOV | BPF_X) && low.insn.off == 1)
    return pass.refuse(low.origin, "casts between address spaces (arena) are not executable here");
  const u8 cls = insn_class(low.insn.code);
  if (cls == BPF_JMP || cls == BPF_JMP32)
    return low.insn.code == (BPF_JMP | BPF_CALL) ? lower_call(pass, low) : lower_jump(pass, low);
  if (cls == BPF_LD) return pass.refuse(low.origin, "an unknown kind of load");
  return low;
}

base::Status lower_insn(const Pass& pass, u32 at, std::vector<LowInsn>& out) {
  const InsnFact& fact = pass.verified.facts[at];
  if (fact.mem == MemKind::kernel) return pass.refuse(at, "objects of the kernel cannot be read here");
  LowInsn low{.insn = pass.source.insns[at], .mem = fact.mem, .dead = !fact.reached, .origin = at};
  if (!low.dead && is_legacy_load(low.insn)) {
    lower_legacy_load(low, out);
  } else if (!low.dead && is_ctx_access(pass.source, pass.verified, at)) {
    SLUICE_CHECK(lower_ctx_access(pass, low, out));
  } else {
    SLUICE_TRY(low, lower_one(pass, low));
    out.push_back(low);
  }
  if (out.size() != pass.new_index[at] + pass.count(at)) return pass.refuse(at, "becomes more than was counted");
  return base::success();
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

bool is_ctx_access(const ProgSource& source, const VerifiedProgram& verified, u32 at) {
  return verified.facts[at].mem == MemKind::ctx && !insn_is_ld_imm64(source.insns[at]);
}

base::Result<LoweredProgram> lower(const ProgSource& source, const VerifiedProgram& verified) {
  SLUICE_CHECK(check_shape(source, verified));
  SLUICE_TRY(const ProgSpec* spec, find_runnable_prog_spec(source.type));
  const Pass pass(source, verified, *spec);
  LoweredProgram program{.type = source.type, .name = source.name, .maps = source.maps};
  program.insns.reserve(source.insns.size());
  for (u32 at = 0; at < source.insns.size(); at += insn_is_ld_imm64(source.insns[at]) ? 2 : 1) {
    SLUICE_CHECK(lower_insn(pass, at, program.insns));
    if (!program.insns.back().dead) note_uses(program, program.insns.back());
  }
  program.subprogs = move_subprogs(pass);
  return program;
}

}  // namespace bpf::lower
