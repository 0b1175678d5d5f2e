// SPDX-License-Identifier: Apache-2.0
// kfunc_call.cc — a call of a kernel function: may it be called here, and what does it leave behind.
//
// Source    soundness: what a kfunc returns is described by its BTF prototype and its flags alone; a reference it hands
//           out is recorded, one it takes is dropped, and r1 to r5 are lost.
#include "bpf/abi/flags.h"
#include "bpf/verifier/kfunc.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/struct_walk.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {

const KfuncProto* Walk::find_kfunc_proto(u32 id, std::string_view* name) {
  const auto known = kfuncs_.find(id);
  if (known != kfuncs_.end()) {
    *name = known->second->name;
    return known->second.get();
  }
  auto proto = read_kfunc(*btf_.kernel, spec_, id, name);
  if (!proto) return nullptr;
  return kfuncs_.emplace(id, std::make_unique<KfuncProto>(std::move(*proto))).first->second.get();
}

bool Walk::call_kfunc(const bpf_insn& i) {
  if (i.imm == 0) return refuse(EINVAL, "invalid kernel function call not eliminated in verifier pass\n");
  KfuncCall call;
  std::string_view name = btf_.kernel->types().name(static_cast<u32>(i.imm));
  call.proto = find_kfunc_proto(static_cast<u32>(i.imm), &name);
  const std::string text(name);
  if (call.proto == nullptr || !kfunc_allowed(*call.proto->row, source_.type, source_.expected_attach_type))
    return refuse(EACCES, "calling kernel function " + text + " is not allowed\n",
                  "This type of program may not call it.");
  const Kfunc& k = *call.proto->row;
  facts_[at_].kfunc = static_cast<s16>(number_of(k));
  if (k.has(kSleepable) && !is_sleepable())
    return refuse(EACCES, "program must be sleepable to call sleepable kfunc " + text + "\n");
  if (holds_lock() && !allowed_under_lock(name))
    return refuse(EINVAL, "function calls are not allowed while holding a lock\n");
  const bool may_fail = name == "bpf_res_spin_lock" || name == "bpf_res_spin_lock_irqsave";
  std::optional<State> before;
  if (may_fail) before = cur_;
  if (!check_kfunc_args(call) || !push_tree_callback(call) || !check_kfunc_place(call)) return false;
  if (!apply_kfunc_sections(call)) return false;
  if (call.callback >= 0 && call.root == nullptr && !call_kfunc_callback(call)) return false;
  if (!finish_kfunc_args(call) || !give_to_collection(call)) return false;
  if (before && !push_failed_lock(*std::move(before))) return false;
  clobber_caller_saved();
  if (moves_packet(name) || call.writes_packet) forget_packet_pointers();
  if (!put_kfunc_result(call)) return false;
  return !k.has(kIterNext) || fork_iterator(call);
}

// Sections that forbid what may sleep, or that the function demands.
bool Walk::check_kfunc_place(const KfuncCall& call) {
  const Kfunc& k = *call.proto->row;
  const std::string name(call.proto->name);
  const auto sleeps_in = [&](const char* where) {
    return refuse(EACCES, "kernel func " + name + " is sleepable within " + where + "\n");
  };
  if (k.has(kSleepable)) {
    if (cur_.rcu_locks != 0) return sleeps_in("rcu_read_lock region");
    if (cur_.preempt_locks != 0) return sleeps_in("non-preemptible region");
    if (cur_.irq_id != 0) return sleeps_in("IRQ-disabled region");
  }
  if (k.has(kRcuProtected) && !in_rcu_section())
    return refuse(EACCES, "kernel func " + name + " requires RCU critical section protection\n");
  return true;
}

bool Walk::apply_kfunc_sections(const KfuncCall& call) {
  const std::string name(call.proto->name);
  const std::string who = " (kernel function " + name + ")\n";
  if (name == "bpf_rcu_read_lock") {
    if (cur_.rcu_locks != 0) return refuse(EINVAL, "nested rcu read lock" + who);
    ++cur_.rcu_locks;
  } else if (name == "bpf_rcu_read_unlock") {
    if (cur_.rcu_locks == 0) return refuse(EINVAL, "unmatched rcu read unlock" + who);
    --cur_.rcu_locks;
    // What RCU kept alive is no longer trusted.
    for_each_reg(cur_, [](Reg& r) {
      if (r.is_pointer() && (r.flags & kRcu) != 0) {
        r.flags = static_cast<u16>((r.flags & ~(kRcu | kTrusted)) | kUntrusted);
        r.maybe_null = false;
      }
    });
    distrust_rcu_iterators();
  } else if (name == "bpf_preempt_disable") {
    ++cur_.preempt_locks;
  } else if (name == "bpf_preempt_enable") {
    if (cur_.preempt_locks == 0) return refuse(EINVAL, "unmatched attempt to enable preemption" + who);
    --cur_.preempt_locks;
  }
  return true;
}

bool Walk::put_kfunc_result(const KfuncCall& call) {
  touched_regs_ |= 1;
  const btf::Btf& types = btf_.kernel->types();
  const KfuncProto& proto = *call.proto;
  const u32 result = proto.result;
  Reg& r0 = reg(BPF_REG_0);
  if (result == 0) return true;
  if (types.kind(result) != BTF_KIND_PTR) {
    const auto bytes = types.size_of(result);
    r0 = Reg::scalar(Scalar::of_bytes(static_cast<int>(bytes.value_or(8))));
    if (proto.name == "bpf_res_spin_lock" || proto.name == "bpf_res_spin_lock_irqsave") r0 = Reg::constant(0);
    return true;
  }
  bool done = false;
  if (!put_special_result(call, &done)) return false;
  if (!done && !put_pointer_result(call)) return false;
  Reg& out = reg(BPF_REG_0);
  const Kfunc& k = *proto.row;
  const bool or_null = k.has(kRetNull) && !call.owning;
  if (or_null) {
    out.maybe_null = true;
    out.id = new_id();
  }
  if (k.has(kAcquire)) {
    out.ref = acquire_reference(Reference::Type::pointer);
    if (or_null) out.id = out.ref;
  } else if (call.root != nullptr) {
    set_non_owning(out);
  }
  if (out.id == 0 && may_hold_lock(out)) out.id = new_id();
  return true;
}

// A pointer described by nothing but its type.
bool Walk::put_pointer_result(const KfuncCall& call) {
  const btf::Btf& types = btf_.kernel->types();
  const KfuncProto& proto = *call.proto;
  const u32 target = types.skip_modifiers(types.type(proto.result).type);
  if (target == 0) {  // void *: no more than a number
    reg(BPF_REG_0) = Reg::unknown();
    return true;
  }
  if (is_struct(types, target)) {
    u16 flags = 0;
    if (proto.row->has(kIterNext)) flags = call.iterator_is_rcu ? kRcu : kTrusted;
    if (proto.name == "bpf_get_kmem_cache") flags = kUntrusted;
    reg(BPF_REG_0) = btf_pointer(target, flags, kKernelTypes);
    return true;
  }
  const auto bytes = types.size_of(target);
  if (!bytes || *bytes == 0)
    return refuse(EINVAL, format("kernel function %s returns pointer type %s %s is not supported\n",
                                 std::string(proto.name).c_str(), kind_name(types.kind(target)),
                                 std::string(types.name(target)).c_str()));
  Reg r = Reg::pointer(Kind::mem, static_cast<u32>(*bytes));
  r.flags = kRdonly;
  r.ref = call.ref;
  reg(BPF_REG_0) = r;
  return true;
}

// Functions whose result depends on an argument.
bool Walk::put_special_result(const KfuncCall& call, bool* done) {
  const btf::KernelBtf& kernel = *btf_.kernel;
  const std::string_view name = call.proto->name;
  *done = true;
  if (name == "bpf_obj_new_impl" || name == "bpf_percpu_obj_new_impl") return put_new_object(call);
  if (name == "bpf_refcount_acquire_impl") return put_counted_object(call), true;
  if (call.root != nullptr) return reg(BPF_REG_0) = element_pointer(call), true;
  if (name == "bpf_cast_to_kern_ctx") {
    const auto type = kernel.find(kernel_ctx_name(source_.type), BTF_KIND_STRUCT);
    if (!type) return refuse_unsupported("the kernel's type of this context is not known");
    reg(BPF_REG_0) = btf_pointer(*type, kTrusted, kKernelTypes);
    return true;
  }
  if (name == "bpf_rdonly_cast") {
    const u32 id = static_cast<u32>(call.constant);
    if (!kernel.types().valid(id))
      return refuse(EINVAL, format("kfunc bpf_rdonly_cast type ID %u does not exist\n", id));
    const u32 type = id;  // no typedef of one
    if (kernel.types().kind(type) == BTF_KIND_STRUCT) {
      reg(BPF_REG_0) = btf_pointer(type, kUntrusted, kKernelTypes);
    } else if (type == 0) {
      Reg r = Reg::pointer(Kind::mem, 0);
      r.flags = kRdonly | kUntrusted;
      reg(BPF_REG_0) = r;
    } else {
      return refuse(EINVAL, "kfunc bpf_rdonly_cast type ID argument must be of a struct or void\n");
    }
    return true;
  }
  if (name == "bpf_dynptr_slice" || name == "bpf_dynptr_slice_rdwr") return put_slice(call);
  *done = false;
  return true;
}

}  // namespace bpf::verifier
