// SPDX-License-Identifier: Apache-2.0
// jump.cc — jumps and comparisons of numbers.
//
// Source    soundness: a branch not walked is one that decide() proved impossible from numbers then marked precise; on
// a branch
//           that is walked, refine() keeps every value that takes it.
#include "bpf/verifier/exception.h"
#include "bpf/verifier/scalar_alu.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {

bool Walk::check_jump_fields(const bpf_insn& i) {
  const u8 op = insn_op(i.code);
  const bool is32 = insn_class(i.code) == BPF_JMP32;
  if (op == BPF_CALL) {
    if (i.dst_reg != 0 || is32 || (i.src_reg != BPF_PSEUDO_KFUNC_CALL && i.off != 0) ||
        i.src_reg > BPF_PSEUDO_KFUNC_CALL)
      return refuse(EINVAL, "BPF_CALL uses reserved fields\n");
  } else if (op == BPF_EXIT) {
    if (i.imm != 0 || i.src_reg != 0 || i.dst_reg != 0 || is32)
      return refuse(EINVAL, "BPF_EXIT uses reserved fields\n");
  } else if (op == BPF_JA) {
    if (i.src_reg != 0 || i.dst_reg != 0 || (is32 ? i.off != 0 : i.imm != 0))
      return refuse(EINVAL, "BPF_JA uses reserved fields\n");
  } else if (op == BPF_JCOND) {
    if (i.src_reg != 0 || i.dst_reg != 0 || i.imm != 0)
      return refuse(EINVAL, format("invalid may_goto imm %d\n", i.imm));
  }
  return true;
}

bool Walk::step_jump(const bpf_insn& i, bool* path_ends) {
  ++jumps_;
  if (!check_jump_fields(i)) return false;
  switch (insn_op(i.code)) {
    case BPF_CALL:
      if (i.src_reg == BPF_PSEUDO_CALL) return call_subprog(i);
      if (i.src_reg == BPF_PSEUDO_KFUNC_CALL) return is_throw(i, btf_) ? step_throw(i, path_ends) : call_kfunc(i);
      return call_helper(i);
    case BPF_EXIT:
      return step_exit(path_ends);
    case BPF_JA:
      next_ = static_cast<u32>(jump_target(i, at_));
      return true;
    case BPF_JCOND:
      return step_may_goto(i);
    default:
      return step_conditional(i);
  }
}

// The jump is taken once the run-time budget of iterations is used up: both ways are open at any time.
bool Walk::step_may_goto(const bpf_insn& i) {
  State stays = cur_;
  ++stays.may_goto_depth;
  widen(stays, at_);
  push_branch(std::move(stays), at_ + 1);
  next_ = static_cast<u32>(jump_target(i, at_));
  return branches_within_limit();
}

bool Walk::step_conditional(const bpf_insn& i) {
  if (!check_readable(i.dst_reg)) return false;
  if (insn_src_is_reg(i.code) ? i.imm != 0 : i.src_reg != 0)
    return refuse(EINVAL, "BPF_JMP/JMP32 uses reserved fields\n");
  if (insn_src_is_reg(i.code) && !check_readable(i.src_reg)) return false;
  if (!check_source_comparable(i)) return false;
  const Reg& a = reg(i.dst_reg);
  const Reg b = insn_src_is_reg(i.code) ? reg(i.src_reg) : Reg::constant(static_cast<u64>(s64{i.imm}));
  const bool numbers = a.is_scalar() && b.is_scalar();
  const Branch way =
      numbers ? decide(insn_op(i.code), insn_class(i.code) == BPF_JMP32, a.var, b.var) : decide_pointers(i, a, b);
  if (way != Branch::unknown) {
    mark_precise(a);
    mark_precise(b);
    const u32 target = static_cast<u32>(jump_target(i, at_));
    if (!push_speculative(way == Branch::always ? next_ : target, &i)) return false;
    if (way == Branch::always) next_ = target;
    return true;
  }
  if (numbers) limit_links(a, b);
  const bool settled = check_destination_comparable(i);
  State taken = cur_;
  learn(taken, i, true);
  learn(cur_, i, false);
  push_branch(std::move(taken), static_cast<u32>(jump_target(i, at_)));
  return branches_within_limit() && settled;
}

// Linux lets at most six places learn from one comparison; those beyond, counted from the newest frame, go their own
// way. Registers that are not read any more do not count.
void Walk::limit_links(const Reg& a, const Reg& b) {
  constexpr u32 kLinkedMax = 6;
  u32 count = 0;
  const auto visit_linked = [&count](u32 id, Reg& r) {
    if (r.is_scalar() && r.id == id && ++count > kLinkedMax) r.unlink();
  };
  for (const u32 id : {b.id, a.id}) {
    if (id == 0) continue;
    for (u32 f = cur_.depth() + 1; f-- > 0;) {
      const u32 live = f == cur_.depth() ? cfg_.live[at_] : live_registers(cur_, f);
      for (u32 r = 0; r < BPF_REG_10; ++r)
        if (live >> r & 1) visit_linked(id, cur_.frames[f].regs[r]);
      for (Slot& s : cur_.frames[f].stack)
        if (s.is_spill()) visit_linked(id, s.spilled);
    }
    if (a.id == b.id) break;
  }
}

void Walk::learn(State& state, const bpf_insn& i, bool taken) {
  const auto& regs = state.frame().regs;
  const Reg& a = regs[i.dst_reg];
  const bool with_reg = insn_src_is_reg(i.code);
  if (a.is_scalar() && (!with_reg || regs[i.src_reg].is_scalar())) return learn_scalars(state, i, taken);
  if (insn_class(i.code) == BPF_JMP32) return;
  const u8 op = insn_op(i.code);
  const bool equality = op == BPF_JEQ || op == BPF_JNE;
  if (!with_reg) {
    if (equality && i.imm == 0 && a.maybe_null) learn_null(state, a.id, (op == BPF_JEQ) == taken);
    return;
  }
  const Reg& b = regs[i.src_reg];
  if (!a.is_pointer() || !b.is_pointer()) return;
  if (equality && a.maybe_null != b.maybe_null && (op == BPF_JEQ) == taken) {
    // Equal to a pointer that is not null. Its copies could learn it as well, but in Linux they do not.
    if (a.kind != Kind::btf_id && b.kind != Kind::btf_id)
      settle_not_null(state.frame().regs[a.maybe_null ? i.dst_reg : i.src_reg]);
    return;
  }
  learn_packet_end(state, i, taken);
}

void Walk::learn_scalars(State& state, const bpf_insn& i, bool taken) {
  auto& regs = state.frame().regs;
  const bool is32 = insn_class(i.code) == BPF_JMP32;
  const bool with_reg = insn_src_is_reg(i.code);
  Reg& a = regs[i.dst_reg];
  // A register compared with itself: a and b are one object. As in Linux both ways are walked; the impossible one is
  // only narrowed, which any state on it may be.
  Reg imm = Reg::constant(static_cast<u64>(s64{i.imm}));
  Reg& b = with_reg ? regs[i.src_reg] : imm;
  refine(insn_op(i.code), is32, taken, a.var, b.var);
  const u32 node = precision_.derive(a.node, b.node);
  a.node = b.node = node;
  const Reg learnt_a = a, learnt_b = b;
  if (learnt_b.id != 0) spread(state, learnt_b, node);
  if (learnt_a.id != 0) spread(state, learnt_a, node);
}

namespace {

Scalar distance_of(const Reg& r) {
  return Scalar::constant(static_cast<u64>(s64{r.off}));
}

// The number that `r` is linked to, from what is known of r.
Scalar base_of(const Reg& r) {
  return r.linked == 0 ? r.var : alu(BPF_SUB, r.linked == 64, r.var, distance_of(r));
}

// What `r` is when its number is `base`.
Scalar at_distance(const Scalar& base, const Reg& r) {
  return r.linked == 0 ? base : alu(BPF_ADD, r.linked == 64, base, distance_of(r));
}

}  // namespace

// Every register and slot that holds the same number, or one a constant away, learns what was learnt.
void Walk::spread(State& state, const Reg& from, u32 node) {
  for_each_reg(state, [&](Reg& r) {
    if (!r.is_scalar() || r.id != from.id) return;
    r.node = precision_.derive(node, r.node);
    r.var = r.linked == from.linked && r.off == from.off ? from.var : at_distance(base_of(from), r);
  });
}

}  // namespace bpf::verifier
