// SPDX-License-Identifier: Apache-2.0
// subprog.cc — entry, calls between subprograms, exit.
//
// Source    soundness: a static subprogram is walked at each call with the caller's values; a global one is walked once
// with
//           nothing assumed but its signature, and a call of it assumes nothing but that it returns a number and may
//           have written all memory it was given.
#include <algorithm>

#include "bpf/abi/flags.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {

bool Walk::set_up_entry(u32 subprog) {
  cur_ = State();
  cur_.sleepable = (source_.prog_flags & BPF_F_SLEEPABLE) != 0;
  cur_.frames.emplace_back();
  Frame& f = cur_.frame();
  f.subprog = subprog;
  f.regs[BPF_REG_10] = Reg::pointer(Kind::stack, 0);
  at_ = cfg_.subprogs[subprog].begin;
  prev_ = at_;
  print_whole_ = true;
  came_from_ = false;
  if (subprog == 0) {
    f.regs[BPF_REG_1] = Reg::pointer(Kind::ctx);
    return true;
  }
  return set_up_arguments(subprog);
}

void Walk::clobber_caller_saved() {
  for (u32 r = BPF_REG_0; r <= BPF_REG_5; ++r) reg(r) = Reg();
}

bool Walk::call_subprog(const bpf_insn& i) {
  const u32 target = *cfg_.subprog_at(static_cast<u32>(s64{at_} + 1 + i.imm));
  if (target < btf_.subprogs.size() && btf_.subprogs[target].is_global) return call_global(target);
  if (cur_.frames.size() >= kFramesMax)
    return refuse(E2BIG, format("the call stack of %zu frames is too deep\n", cur_.frames.size() + 1));
  Frame callee;
  callee.callsite = at_;
  callee.subprog = target;
  for (u32 r = BPF_REG_1; r <= BPF_REG_5; ++r) callee.regs[r] = reg(r);
  clobber_caller_saved();
  cur_.frames.push_back(std::move(callee));
  reg(BPF_REG_10) = Reg::pointer(Kind::stack, cur_.depth());
  cur_.written[cur_.depth()] = ~u64{0};  // a new frame: nothing in it comes from before
  next_ = cfg_.subprogs[target].begin;
  log_frames("caller:\n", cur_.depth() - 1, "callee:\n");
  touched_regs_ = 0;
  touched_slots_ = 0;
  print_whole_ = true;
  return true;
}

bool Walk::check_return() {
  if (btf_.target.no_result && walked_subprog_ == 0 && cur_.frame().entered != Entered::asynchronously) return true;
  if (!check_readable(BPF_REG_0)) return false;
  const Reg& r0 = reg(BPF_REG_0);
  if (is_secret(r0)) return refuse(EACCES, "R0 leaks addr as return value\n");
  if (cur_.frame().entered == Entered::asynchronously) {
    if (!r0.is_scalar())
      return refuse(EINVAL, format("At async callback return the register R0 is not a known value (%s)\n",
                                   kind_text(r0).c_str()));
    return check_callback_return("At async callback return");
  }
  if (walked_subprog_ != 0 && !cfg_.subprogs[walked_subprog_].is_exception_callback) {
    if (!r0.is_scalar())
      return refuse(EINVAL,
                    format("At subprogram exit the register R0 is not a scalar value (%s)\n", kind_text(r0).c_str()));
    return true;
  }
  const ReturnRange* range = find_return_range();
  if (range == nullptr) return true;
  if (!r0.is_scalar())
    return refuse(EINVAL, format("At program exit the register R0 is not a known value (%s)\n", kind_text(r0).c_str()));
  mark_precise(r0);
  if (r0.var.smin >= range->min && r0.var.smax <= range->max) return true;
  if (btf_.target.returns_32 && r0.var.s32_min >= range->min && r0.var.s32_max <= range->max) return true;
  return refuse_return("At program exit", BPF_REG_0, r0, *range);
}

bool Walk::refuse_return(const char* where, u32 r, const Reg& value, ReturnRange range) {
  std::string known;
  if (value.var.smin > std::numeric_limits<s64>::min())
    known += format(" smin=%lld", static_cast<long long>(value.var.smin));
  if (value.var.smax < std::numeric_limits<s64>::max())
    known += format(" smax=%lld", static_cast<long long>(value.var.smax));
  if (known.empty()) known = " unknown scalar value";
  return refuse(EINVAL, format("%s the register R%u has%s should have been in [%d, %d]\n", where, r, known.c_str(),
                               range.min, range.max));
}

const ReturnRange* Walk::find_return_range() const {
  if (has_attach_target(source_.type)) return btf_.target.returns ? &*btf_.target.returns : nullptr;
  for (const ReturnRange& r : spec_.returns)
    if (r.attach_types.empty() ||
        std::find(r.attach_types.begin(), r.attach_types.end(), attach_) != r.attach_types.end())
      return &r;
  return nullptr;
}

bool Walk::step_exit(bool* path_ends) {
  if (cur_.depth() == 0) {
    *path_ends = true;
    return check_nothing_held("BPF_EXIT instruction in main prog", true) && check_return();
  }
  const Reg r0 = reg(BPF_REG_0);
  const u32 callsite = cur_.frame().callsite;
  const std::string left = print_level() != 0 ? print_frame(cur_, cur_.depth(), true) : "";
  if (r0.kind == Kind::stack) return refuse(EINVAL, "cannot return stack pointer to the caller\n");
  if (cur_.frame().entered == Entered::as_callback) {
    if (!r0.is_scalar()) return refuse(EACCES, "R0 not a scalar value\n");
    if (!check_callback_return("At callback return")) return false;
    cur_.frames.pop_back();
    next_ = callsite;
    widen(cur_, callsite);
  } else {
    cur_.frames.pop_back();
    reg(BPF_REG_0) = r0;
    next_ = callsite + 1;
  }
  if (print_level() != 0)
    log_ += "returning from callee:\n" + left + format("\nto caller at %u:\n", next_) +
            print_frame(cur_, cur_.depth(), true) + "\n";
  touched_regs_ = 0;
  touched_slots_ = 0;
  print_whole_ = returned_ = true;
  return true;
}

}  // namespace bpf::verifier
