// SPDX-License-Identifier: Apache-2.0
// helper_call.cc — calls of helpers: may this program call it, what does it leave behind.
#include <algorithm>

#include "bpf/abi/flags.h"
#include "bpf/verifier/attach.h"
#include "bpf/verifier/format_string.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

// Behind a link to many functions bpf_get_func_ip is another helper, which is not for the GPL alone.
bool is_open_to_all(u32 id, bpf_attach_type attach) {
  return id == BPF_FUNC_get_func_ip && (attach == BPF_TRACE_KPROBE_MULTI || attach == BPF_TRACE_UPROBE_MULTI ||
                                        attach == BPF_TRACE_KPROBE_SESSION || attach == BPF_TRACE_UPROBE_SESSION);
}

bool is_map_write(u32 id) {
  return id == BPF_FUNC_map_update_elem || id == BPF_FUNC_map_delete_elem || id == BPF_FUNC_map_push_elem ||
         id == BPF_FUNC_map_pop_elem;
}

}  // namespace

bool Walk::check_map_matches_helper(const Call& call) {
  const MapFacts& map = map_facts(static_cast<u32>(call.map));
  const bool device = map.type == BPF_MAP_TYPE_DEVMAP || map.type == BPF_MAP_TYPE_DEVMAP_HASH;
  if (is_map_write(call.id) && ((map.map_flags & BPF_F_RDONLY_PROG) != 0 || device))
    return refuse(EACCES, "write into map forbidden\n");
  if (call.id == BPF_FUNC_tail_call && map.type != BPF_MAP_TYPE_PROG_ARRAY)
    return refuse(EINVAL, "expected prog array map for tail call");
  if (!map_serves_helper(map.type, call.id, source_.type)) {
    const bool sockets = map.type == BPF_MAP_TYPE_SOCKMAP || map.type == BPF_MAP_TYPE_SOCKHASH;
    const bool update = call.id == BPF_FUNC_map_update_elem || call.id == BPF_FUNC_map_delete_elem;
    const bool iterates = source_.type == BPF_PROG_TYPE_TRACING && attach_ == BPF_TRACE_ITER;
    if (sockets && update && iterates) return true;
    return refuse(EINVAL, std::string(sockets && update ? "cannot update sockmap in this context\n" : "") +
                              format("cannot pass map_type %u into func bpf_%s#%u\n", map.type,
                                     std::string(call.proto->name).c_str(), call.id));
  }
  return true;
}

bool Walk::call_helper(const bpf_insn& i) {
  Call call;
  call.id = static_cast<u32>(i.imm);
  call.proto = find_helper(call.id, source_.type);
  if (call.proto == nullptr) return refuse(EINVAL, format("invalid func unknown#%u\n", call.id));
  const std::string name(call.proto->name);
  const HelperNeeds needs = helper_needs(call.id, source_.type);
  const bool capable = (source_.caps.bpf || !needs.bpf) && (source_.caps.perfmon || !needs.perfmon);
  const bool allowed = capable && helper_allowed(call.id, source_.type, attach_) &&
                       target_allows_helper(btf_.target, source_.type, call.id);
  if (!allowed)
    return refuse(EINVAL, format("program of this type cannot use helper bpf_%s#%u\n", name.c_str(), call.id));
  if (call.proto->gpl_only && !source_.gpl_compatible &&
      !(source_.type == BPF_PROG_TYPE_KPROBE && is_open_to_all(call.id, attach_)))
    return refuse(EINVAL, "cannot call GPL-restricted function from non-GPL compatible program\n",
                  "Give the program a license string that is compatible with the GPL.");
  if (call.proto->not_in_probe || !target_is_safe_for(btf_.target, source_.type, attach_, call.id))
    return refuse(EINVAL, "helper call is not allowed in probe\n");
  if (call.proto->might_sleep && !is_sleepable())
    return refuse(EINVAL, "helper call might sleep in a non-sleepable prog\n");
  if (holds_lock() && call.id != BPF_FUNC_spin_unlock)
    return refuse(EINVAL, "function calls are not allowed while holding a lock\n");
  if (!check_call_args(call) || !check_sleeping_place(call)) return false;
  if (call.id == BPF_FUNC_get_func_ip && source_.type != BPF_PROG_TYPE_KPROBE)
    return refuse(524, format("func bpf_get_func_ip#%u not supported for program type %u\n", call.id, source_.type));
  if (call.id == BPF_FUNC_dynptr_from_mem && reg(BPF_REG_1).kind != Kind::map_value)
    return refuse(EACCES,
                  format("Unsupported reg type %s for bpf_dynptr_from_mem data\n", kind_text(reg(BPF_REG_1)).c_str()));
  if (call.id == BPF_FUNC_tail_call && !check_nothing_held("tail_call", true)) return false;
  if (call.id == BPF_FUNC_snprintf) {
    const Reg& format = reg(BPF_REG_3);
    const Reg& bytes = reg(BPF_REG_5);
    if (!bytes.is_const()) return refuse_unsupported("bpf_snprintf with a number of values that varies is not known");
    if (bytes.var.value() % 8 != 0) return refuse(EINVAL, "");
    const auto& contents = map_facts(format.map).contents;
    const u64 at = static_cast<u64>(format.off) + format.var.value();
    const char* text = reinterpret_cast<const char*>(contents.data()) + at;  // ends inside: checked with its argument
    if (!is_good_format(text, static_cast<u32>(bytes.var.value() / 8)))
      return refuse(EINVAL, "Invalid format string\n");
  }
  if (call.id == BPF_FUNC_get_local_storage && !reg(BPF_REG_2).is_zero())
    return refuse(EINVAL, "get_local_storage() doesn't support non-zero flags\n");
  if (call.map >= 0 && (!check_iterable(call) || !check_map_matches_helper(call))) return false;
  if (call.id == BPF_FUNC_tail_call && !check_one_tail_map(call)) return false;
  InsnFact& fact = facts_[at_];
  if (call.map >= static_cast<int>(source_.maps.size())) {  // an inner map: known at run time only
    fact.map_index = -1;
    fact.map_ptr_several = true;
  } else if (call.map >= 0) {
    const bool first = fact.map_index < 0 && !fact.map_ptr_several;
    if (first) {
      fact.map_index = static_cast<s16>(call.map);
    } else if (fact.map_index != call.map) {
      fact.map_index = -1;
      fact.map_ptr_several = true;
    }
  }
  return finish_call(call);
}

// Sections in which nothing sleeps.
bool Walk::check_sleeping_place(const Call& call) {
  if (!call.proto->might_sleep) return true;
  const char* where = cur_.rcu_locks != 0       ? "rcu_read_lock region"
                      : cur_.preempt_locks != 0 ? "non-preemptible region"
                      : cur_.irq_id != 0        ? "IRQ-disabled region"
                                                : nullptr;
  return where == nullptr || refuse(EINVAL, format("sleepable helper bpf_%s#%u in %s\n",
                                                   std::string(call.proto->name).c_str(), call.id, where));
}

bool Walk::finish_call(const Call& call) {
  if (call.raw_reg != 0 && call.raw_bytes > 0) {
    const Reg& p = reg(static_cast<u32>(call.raw_reg));
    if (p.kind == Kind::stack) {
      const s64 low = s64{p.off} + p.var.smin, high = s64{p.off} + p.var.smax + call.raw_bytes;
      if (spoils_pointer(p.frame, low, high)) return refuse(EACCES, "attempt to corrupt spilled pointer on stack\n");
      clobber_stack(p.frame, low, high, Byte::misc);
      if (p.var.is_const())
        for (s64 off = (low + 7) & ~s64{7}; off + 8 <= high; off += 8) note_stack_write(p.frame, off, 8);
    }
  }
  if (!call_callback(call)) return false;
  if (!release_argument(call)) return false;
  clobber_caller_saved();
  const bool writes_packet = call.id == BPF_FUNC_dynptr_write && call.dynptr.may_be_packet;
  if (call.proto->changes_packet || writes_packet) forget_packet_pointers();
  if (call.id == BPF_FUNC_tail_call && cur_.depth() > 0) {
    push_tail_call_return();
    if (!branches_within_limit()) return false;
  }
  return put_helper_result(call);
}

// A tail call that succeeds in a subprogram takes the subprogram's place: its caller goes on with any number in r0, and
// with a packet that the other program may have changed.
void Walk::push_tail_call_return() {
  State missed = cur_;
  const u32 back = cur_.frame().callsite + 1;
  cur_.frames.pop_back();
  reg(BPF_REG_0) = Reg::unknown();
  forget_packet_pointers();
  std::swap(cur_, missed);
  push_branch(std::move(missed), back);
}

}  // namespace bpf::verifier
