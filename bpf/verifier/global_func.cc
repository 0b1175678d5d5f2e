// SPDX-License-Identifier: Apache-2.0
// global_func.cc — global functions: what they find in their arguments, and what a caller must hand them.
//
// Source    soundness: the function is walked once with nothing assumed but its signature; each call proves the
//           signature, forgets all memory it hands over, and learns only that a number comes back. One that no walked
//           call names is never entered, and not walked.
#include "bpf/abi/flags.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {

bool Walk::set_up_arguments(u32 subprog) {
  const Signature& signature = btf_.subprogs[subprog].signature;
  if (signature.problem.error != 0) {
    problem_ = signature.problem;
    problem_.insn = at_;
    return false;
  }
  const bool one_number = signature.args.size() == 1 && signature.args[0].kind == GlobalArg::Kind::scalar;
  if (cfg_.subprogs[subprog].is_exception_callback && !one_number)
    return refuse(EINVAL, "exception cb only supports single integer argument\n");
  u32 r = BPF_REG_1;
  for (const GlobalArg& arg : signature.args) {
    Reg& to = cur_.frame().regs[r++];
    switch (arg.kind) {
      case GlobalArg::Kind::scalar:
      case GlobalArg::Kind::arena:
        to = Reg::unknown();
        break;
      case GlobalArg::Kind::ctx:
        to = Reg::pointer(Kind::ctx);
        break;
      case GlobalArg::Kind::mem:
        to = Reg::pointer(Kind::mem, arg.size);
        to.maybe_null = arg.maybe_null;
        if (arg.maybe_null) to.id = new_id();
        break;
      case GlobalArg::Kind::untrusted:
        to = arg.kernel_type != 0 ? btf_pointer(arg.kernel_type, kUntrusted, kKernelTypes) : Reg::pointer(Kind::mem);
        to.flags |= arg.kernel_type != 0 ? 0 : kRdonly | kUntrusted;
        break;
      case GlobalArg::Kind::trusted:
        to = btf_pointer(arg.kernel_type, kTrusted, kKernelTypes);
        to.maybe_null = arg.maybe_null;
        if (arg.maybe_null) to.id = new_id();
        break;
      case GlobalArg::Kind::dynptr:
        to = Reg::pointer(Kind::dynptr_ptr, static_cast<u32>(DynptrType::local));
        to.id = new_id();
        break;
    }
  }
  return true;
}

bool Walk::call_global(u32 subprog) {
  if (holds_lock())
    return refuse(EINVAL, "global function calls are not allowed while holding a lock,\nuse static function instead\n");
  const SubprogBtf& callee = btf_.subprogs[subprog];
  bool ok = callee.signature.problem.error == 0;
  if (!ok) {
    problem_ = callee.signature.problem;
    problem_.insn = at_;
  }
  for (u32 a = 0; ok && a < callee.signature.args.size(); ++a) ok = check_global_arg(callee.signature.args[a], a + 1);
  if (!ok) {
    if (!problem_.unsupported)
      problem_.log += format("Caller passes invalid args into func#%u ('%s')\n", subprog, callee.name.c_str());
    return false;
  }
  cfg_.subprogs[subprog].called = true;
  if (log_level_ & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2))
    log_ += format("Func#%u ('%s') is global and assumed valid.\n", subprog, callee.name.c_str());
  clobber_caller_saved();
  reg(BPF_REG_0) = Reg::unknown();
  if (cfg_.subprogs[subprog].changes_packet) forget_packet_pointers();
  touched_regs_ |= 1;
  return true;
}

bool Walk::check_global_arg(const GlobalArg& want, u32 r) {
  touched_regs_ |= 1U << r;
  const Reg p = reg(r);
  switch (want.kind) {
    case GlobalArg::Kind::scalar:
      return p.is_scalar() || refuse(EINVAL, format("R%u is not a scalar\n", r));
    case GlobalArg::Kind::ctx:
      if (p.kind != Kind::ctx || p.maybe_null) return refuse(EINVAL, format("arg#%u expects pointer to ctx\n", r - 1));
      return check_pointer_unmodified(p, r);
    case GlobalArg::Kind::arena:
      return p.kind == Kind::arena || p.is_scalar() ||
             refuse(EINVAL, format("R%u is not a pointer to arena or scalar.\n", r));
    case GlobalArg::Kind::mem:
      return check_global_memory(want, r);
    case GlobalArg::Kind::untrusted:
      return true;  // anything: it is read with loads that survive a fault
    case GlobalArg::Kind::trusted:
      return check_global_object(want, r);
    case GlobalArg::Kind::dynptr: {
      DynptrUse use;
      if (!check_arg_offset(r, Arg::ANYTHING) || !check_dynptr(r, &use)) return false;
      if (use.may_be_packet) forget_packet_pointers();  // which Linux does not ask of the function
      return true;
    }
  }
  return false;
}

bool Walk::check_global_object(const GlobalArg& want, u32 r) {
  const Reg p = reg(r);
  if (p.is_zero() && want.maybe_null) {
    mark_precise(p);
    return true;
  }
  const char* expected =
      want.maybe_null ? "ptr_or_null_, trusted_ptr_or_null_, rcu_ptr_or_null_" : "ptr_, trusted_ptr_, rcu_ptr_";
  const bool good = p.kind == Kind::btf_id && (!p.maybe_null || want.maybe_null) && (p.flags & ~(kTrusted | kRcu)) == 0;
  if (!good) return refuse(EACCES, format("R%u type=%s expected=%s\n", r, kind_text(p).c_str(), expected));
  if (!p.var.is_zero() || p.off < 0) return check_pointer_unmodified(p, r);
  const btf::Btf& types = btf_.kernel->types();
  const bool same =
      p.btf == kKernelTypes && struct_matches(types, p.type, static_cast<u32>(p.off), types, want.kernel_type, false);
  return same || refuse(EACCES, format("R%u is of type %s but %s is expected\n", r,
                                       p.btf == kKernelTypes ? std::string(types.name(p.type)).c_str() : "?",
                                       std::string(types.name(want.kernel_type)).c_str()));
}

// Linux 6.18 lets a constant null pass for a pointer that is tagged as never null; the function would then read it.
bool Walk::check_global_memory(const GlobalArg& want, u32 r) {
  const Reg p = reg(r);
  const bool may_move = p.is_scalar() || p.is_packet() || p.kind == Kind::stack || p.kind == Kind::map_key ||
                        p.kind == Kind::map_value || p.kind == Kind::mem || p.kind == Kind::buf ||
                        p.kind == Kind::arena;
  if (!may_move && !check_pointer_unmodified(p, r)) return false;
  if (p.is_zero() || p.maybe_null) {
    if (!want.maybe_null) return refuse(EINVAL, format("arg#%u is expected to be non-NULL\n", r - 1));
    if (p.is_zero()) {
      mark_precise(p);
      return true;
    }
  }
  Call call;
  // The errno of a bad call is EINVAL whatever was wrong with the memory.
  if (!check_helper_memory(call, r, want.size, Access::read, true) ||
      !check_helper_memory(call, r, want.size, Access::write, true)) {
    if (!problem_.unsupported) problem_.error = EINVAL;
    return false;
  }
  if (p.kind == Kind::stack && want.size > 0)
    clobber_stack(p.frame, s64{p.off} + p.var.smin, s64{p.off} + p.var.smax + want.size, Byte::misc);
  return true;
}

}  // namespace bpf::verifier
