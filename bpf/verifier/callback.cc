// SPDX-License-Identifier: Apache-2.0
// callback.cc — helpers that run a function of the program: bpf_loop, for_each_map_elem and their like.
//
// Source    soundness: a call that runs a callback goes on in two ways, with no (further) turn and with one. The turn
//           starts from the state of the call, in a frame of its own, and returns to the call, which decides again. So
//           every number of turns is walked, until a turn brings nothing new (prune.cc) or, for bpf_loop, until its
//           known limit is reached. An asynchronous callback starts from nothing but its arguments.
#include "bpf/verifier/callback.h"

#include <limits>

#include "bpf/abi/flags.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

struct Rule {
  bpf_func_id helper;
  u32 func_arg;  // register of the callback
  bool async;
  ReturnRange returns;
};
constexpr Rule kRules[] = {
    {BPF_FUNC_loop, 2, false, {0, 1}},
    {BPF_FUNC_for_each_map_elem, 2, false, {0, 1}},
    {BPF_FUNC_timer_set_callback, 2, true, {0, 0}},
    {BPF_FUNC_user_ringbuf_drain, 2, false, {0, 1}},
    {BPF_FUNC_find_vma, 3, false, {0, 1}},
};

constexpr int kEnotsupp = 524;  // Linux's ENOTSUPP

bool can_iterate(bpf_map_type type) {
  return type == BPF_MAP_TYPE_ARRAY || type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_HASH ||
         type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_HASH || type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

const Rule* find_rule(u32 helper) {
  for (const Rule& rule : kRules)
    if (rule.helper == static_cast<bpf_func_id>(helper)) return &rule;
  return nullptr;
}

}  // namespace

bool runs_callback(const bpf_insn& insn) {
  if (!is_call(insn) || insn.src_reg != 0) return false;
  const Rule* rule = find_rule(static_cast<u32>(insn.imm));
  return rule != nullptr && !rule->async;
}

bool Walk::check_iterable(const Call& call) {
  if (call.id != BPF_FUNC_for_each_map_elem || can_iterate(map_facts(static_cast<u32>(call.map)).type)) return true;
  return refuse(kEnotsupp, "callback function not allowed for map\n");
}

bool Walk::push_callback(const Callback& callback) {
  cfg_.subprogs[callback.subprog].ran_as_callback = true;
  if (callback.async) {
    cfg_.subprogs[callback.subprog].is_async = true;
    State state;
    state.sleepable = callback.sleepable;
    state.frames.emplace_back();
    enter_callback(state.frame(), callback, 0);
    state.frame().entered = Entered::asynchronously;
    push_branch(std::move(state), cfg_.subprogs[callback.subprog].begin);
    return branches_within_limit();
  }
  if (cur_.frames.size() >= kFramesMax)
    return refuse(E2BIG, format("the call stack of %zu frames is too deep\n", cur_.frames.size() + 1));
  State state = cur_;
  ++state.callback_depth;
  ++state.frame().callback_turns;
  state.frames.emplace_back();
  enter_callback(state.frame(), callback, state.depth());
  state.frame().entered = Entered::as_callback;
  state.written[state.depth()] = ~u64{0};  // a new frame: nothing in it comes from before
  push_branch(std::move(state), cfg_.subprogs[callback.subprog].begin);
  cur_.frame().callback_turns = 0;
  return branches_within_limit();
}

void Walk::enter_callback(Frame& frame, const Callback& callback, u32 depth) {
  frame.callsite = at_;
  frame.subprog = callback.subprog;
  frame.callback_returns = callback.returns;
  for (u32 a = 0; a < 5; ++a) frame.regs[BPF_REG_1 + a] = callback.args[a];
  frame.regs[BPF_REG_10] = Reg::pointer(Kind::stack, depth);
}

// What the helper hands to its callback.
bool Walk::call_callback(const Call& call) {
  const Rule* rule = find_rule(call.id);
  if (rule == nullptr) return true;
  Callback callback{.subprog = reg(rule->func_arg).subprog, .returns = rule->returns, .async = rule->async};
  if (call.id == BPF_FUNC_loop) {
    const Reg& turns = reg(BPF_REG_1);
    mark_precise(turns);
    if (cur_.frame().callback_turns >= turns.var.umax) {
      cur_.frame().callback_turns = 0;
      if (log_level_ & BPF_LOG_LEVEL2) log_ += format("frame%u bpf_loop iteration limit reached\n", cur_.depth());
      return true;
    }
    callback.args[0] = Reg::unknown();
    callback.args[1] = reg(BPF_REG_3);
    return push_callback(callback);
  }
  if (call.id == BPF_FUNC_user_ringbuf_drain) {
    callback.args[0] = Reg::pointer(Kind::dynptr_ptr, static_cast<u32>(DynptrType::local));
    callback.args[0].id = new_id();
    callback.args[1] = reg(BPF_REG_3);
    return push_callback(callback);
  }
  if (call.id == BPF_FUNC_find_vma) {
    const auto area = btf_.kernel->find("vm_area_struct", BTF_KIND_STRUCT);
    if (!area) return refuse_unsupported("the kernel's types have no struct vm_area_struct");
    callback.args[0] = reg(BPF_REG_1);
    callback.args[1] = btf_pointer(*area, 0, kKernelTypes);
    callback.args[2] = reg(BPF_REG_4);
    return push_callback(callback);
  }
  const int behind = call.map >= 0 ? call.map : call.object_map;  // a timer's: the map it lies in
  if (behind < 0) return refuse_unsupported("callbacks of this helper are not known yet");
  const u32 map = static_cast<u32>(behind);
  callback.args[0] = Reg::pointer(Kind::map_ptr, map);
  callback.args[1] = Reg::pointer(Kind::map_key, map);
  callback.args[2] = Reg::pointer(Kind::map_value, map);
  callback.args[0].map_uid = callback.args[2].map_uid = call.map_uid;
  if (call.id == BPF_FUNC_for_each_map_elem) callback.args[3] = reg(BPF_REG_3);
  return push_callback(callback);
}

bool Walk::check_kfunc_callback(KfuncCall& call, u32 r) {
  if (reg(r).kind != Kind::func) return refuse(EINVAL, format("arg%u expected pointer to func\n", r - 1));
  call.callback = static_cast<int>(reg(r).subprog);
  return true;
}

// Of a work queue or of task work: what it is called with is the value it lies in. Both may sleep.
bool Walk::call_kfunc_callback(const KfuncCall& call) {
  const std::string_view name = call.proto->name;
  const bool queue = name == "bpf_wq_set_callback_impl";
  if (call.object_map < 0 || (!queue && !name.starts_with("bpf_task_work_schedule_")))
    return refuse_unsupported(std::string(name) + " runs a kind of callback that is not known yet");
  constexpr ReturnRange kAny{std::numeric_limits<s32>::min(), std::numeric_limits<s32>::max()};
  Callback callback{.subprog = static_cast<u32>(call.callback),
                    .returns = queue ? ReturnRange{0, 0} : kAny,
                    .async = true,
                    .sleepable = true};
  const u32 map = static_cast<u32>(call.object_map);
  callback.args[0] = Reg::pointer(Kind::map_ptr, map);
  callback.args[1] = Reg::pointer(Kind::map_key, map);
  callback.args[2] = Reg::pointer(Kind::map_value, map);
  callback.args[0].map_uid = callback.args[2].map_uid = call.map_uid;
  return push_callback(callback);
}

bool Walk::check_callback_return(const char* where) {
  const Reg& r0 = reg(BPF_REG_0);
  mark_precise(r0);
  const ReturnRange range = cur_.frame().callback_returns;
  if (r0.var.smin >= range.min && r0.var.smax <= range.max) return true;
  return refuse_return(where, BPF_REG_0, r0, range);
}

}  // namespace bpf::verifier
