// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/flow.h"

#include <algorithm>

#include "bpf/registry/helper.h"

namespace bpf::jit {
namespace {

bool is_jump_class(u8 code) {
  return insn_class(code) == BPF_JMP || insn_class(code) == BPF_JMP32;
}
bool is_exit(u8 code) {
  return code == (BPF_JMP | BPF_EXIT);
}
bool is_call(u8 code) {
  return insn_op(code) == BPF_CALL && is_jump_class(code);
}
bool is_always(u8 code) {
  return insn_op(code) == BPF_JA && is_jump_class(code);
}

bool is_load(const bpf_insn& insn) {
  return insn_class(insn.code) == BPF_LDX;
}
bool is_store(const bpf_insn& insn) {
  return insn_class(insn.code) == BPF_ST || insn_class(insn.code) == BPF_STX;
}
bool is_atomic(const bpf_insn& insn) {
  return insn_class(insn.code) == BPF_STX && insn_mode(insn.code) == BPF_ATOMIC;
}
bool is_move64(const bpf_insn& insn) {
  return insn.code == (BPF_ALU64 | BPF_MOV | BPF_X) && insn.off == 0;
}

RegState merged(const RegState& a, const RegState& b) {
  if (a.kind == RegKind::none) return b;
  if (b.kind == RegKind::none || a == b) return a;
  if (a.kind == RegKind::pointer && b.kind == RegKind::pointer) return {RegKind::pointer, Anchor::none, 0};
  return {RegKind::integer, Anchor::none, 0};
}

RegState moved(RegState pointer, s64 distance) {
  if (pointer.anchor == Anchor::aligned8) {
    pointer.offset = s16((pointer.offset + distance) & 7);
  } else if (pointer.anchor == Anchor::frame) {
    const s64 offset = pointer.offset + distance;
    if (offset < -MAX_BPF_STACK || offset > 0) return {RegKind::pointer, Anchor::none, 0};
    pointer.offset = s16(offset);
  }
  return pointer;
}

// Index of the spill slot that an 8-byte access at `base` + off covers exactly, or -1.
int find_slot(const RegState& base, s16 off) {
  const int at = base.offset + off + MAX_BPF_STACK;
  if (base.anchor != Anchor::frame || at < 0 || at % 8 != 0 || at >= MAX_BPF_STACK) return -1;
  return at / 8;
}

constexpr u16 bit(int reg) {
  return u16(1u << reg);
}
constexpr u16 kCallerSaved = 0x3f;  // r0 … r5

// The register sets before an instruction, from those after it.
u16 demand_before(const LowInsn& low, u16 after) {
  const bpf_insn& insn = low.insn;
  const u16 dst = bit(insn.dst_reg);
  const u16 src = bit(insn.src_reg);
  if (low.op == LowOp::load_map || low.op == LowOp::load_map_value || low.op == LowOp::load_func ||
      low.op == LowOp::load_env)
    return after & ~dst;
  if (is_call(insn.code) || low.op != LowOp::bpf) return after & ~kCallerSaved;
  if (is_move64(insn)) return u16((after & ~dst) | (after & dst ? src : 0));
  if (is_load(insn)) return u16((after & ~dst) | src);
  if (is_atomic(insn)) {
    if (insn.imm == BPF_LOAD_ACQ) return u16((after & ~dst) | src);
    if (insn.imm == BPF_CMPXCHG)
      after &= ~bit(0);
    else if (insn.imm & BPF_FETCH && insn.imm < BPF_LOAD_ACQ)
      after &= ~src;
    return after | dst;
  }
  if (is_store(insn)) return after | dst;
  const u8 cls = insn_class(insn.code);
  if (cls == BPF_ALU64 && (insn_op(insn.code) == BPF_ADD || insn_op(insn.code) == BPF_SUB)) return after;
  if (cls == BPF_ALU64 || cls == BPF_ALU || cls == BPF_LD) return after & ~dst;
  return after;
}

bool takes_callback(u32 helper) {
  const HelperProto* proto = find_helper(helper);
  return !proto || std::ranges::find(proto->args, Arg::PTR_TO_FUNC) != std::end(proto->args);
}

}  // namespace

Successors find_successors(const LoweredProgram& program, u32 i) {
  const LowInsn& low = program.insns[i];
  Successors s{.falls_through = true};
  if (low.op != LowOp::bpf || !is_jump_class(low.insn.code) || is_call(low.insn.code)) return s;
  if (is_exit(low.insn.code)) return {};
  const bool wide = low.insn.code == (BPF_JMP32 | BPF_JA);
  s.jumps = true;
  s.target = u32(s64(i) + 1 + (wide ? low.insn.imm : low.insn.off));
  s.falls_through = !is_always(low.insn.code);
  return s;
}

Flow::Flow(const LoweredProgram& program, u32 subprog)
    : program_(program),
      begin_(program.subprogs[subprog].begin),
      end_(program.subprogs[subprog].end),
      subprog_(subprog),
      leader_(end_ - begin_),
      reached_(end_ - begin_),
      in_loop_(end_ - begin_),
      block_of_(end_ - begin_),
      demand_after_(end_ - begin_) {
  find_leaders();
  find_loops();
  find_demand();
  find_states();
}

// The entry's context always is one; a callback's arguments never are: the runtime calls it with integers.
bool Flow::argument_is_pointer(int reg) const noexcept {
  return subprog_ == 0 || (!program_.subprogs[subprog_].is_callback && (entry_demand_ >> reg & 1));
}

void Flow::find_leaders() {
  leader_[0] = true;
  for (u32 i = begin_; i < end_; ++i) {
    if (program_.insns[i].dead) continue;
    const Successors next = find_successors(program_, i);
    if (next.jumps) leader_[next.target - begin_] = true;
    if ((next.jumps || !next.falls_through) && i + 1 < end_) leader_[i + 1 - begin_] = true;
  }
  for (u32 i = begin_, blocks = 0; i < end_; ++i) {
    if (!leader_[i - begin_]) continue;
    block_of_[i - begin_] = blocks++;
    blocks_.emplace_back();
  }
}

void Flow::find_loops() {
  u32 back_to = end_;  // the earliest target of the backward jumps seen so far, from the end
  for (u32 i = end_; i-- > begin_;) {
    const Successors next = find_successors(program_, i);
    if (!program_.insns[i].dead && next.jumps && next.target <= i) back_to = std::min(back_to, next.target);
    if (back_to < end_) in_loop_[i - begin_] = true;
    if (i == back_to) back_to = end_;
  }
}

void Flow::find_demand() {
  std::vector<u16> before(end_ - begin_ + 1);
  for (bool changed = true; changed;) {
    changed = false;
    for (u32 i = end_; i-- > begin_;) {
      if (program_.insns[i].dead) continue;
      const Successors next = find_successors(program_, i);
      u16 after = next.falls_through && i + 1 < end_ ? before[i + 1 - begin_] : 0;
      if (next.jumps) after |= before[next.target - begin_];
      demand_after_[i - begin_] = after;
      const u16 now = demand_before(program_.insns[i], after);
      changed |= now != before[i - begin_];
      before[i - begin_] = now;
    }
  }
  entry_demand_ = before[0];
}

bool Flow::merge_into(u32 leader, const FlowState& state) {
  FlowState& into = blocks_[block_of_[leader - begin_]];
  if (!reached_[leader - begin_]) {
    reached_[leader - begin_] = true;
    into = state;
    return true;
  }
  bool changed = false;
  const auto merge_all = [&changed](auto& to, const auto& from) {
    for (size_t i = 0; i < to.size(); ++i) {
      const RegState now = merged(to[i], from[i]);
      changed |= !(now == to[i]);
      to[i] = now;
    }
  };
  merge_all(into.regs, state.regs);
  merge_all(into.slots, state.slots);
  return changed;
}

void Flow::find_states() {
  FlowState start;
  start.regs[BPF_REG_10] = {RegKind::pointer, Anchor::frame, 0};
  for (int r = 1; r <= (subprog_ == 0 ? 1 : 5); ++r)
    start.regs[r] = {argument_is_pointer(r) ? RegKind::pointer : RegKind::integer, Anchor::none, 0};
  // Round by round in program order: almost all jumps go forward, so one round settles everything but loops.
  merge_into(begin_, start);
  std::vector<bool> pending(end_ - begin_);
  pending[0] = true;
  for (bool again = true; again;) {
    again = false;
    for (u32 i = begin_; i < end_; ++i) {
      if (!leader_[i - begin_] || !pending[i - begin_]) continue;
      pending[i - begin_] = false;
      FlowState state = entry(i);
      const auto reach = [&](u32 target) {
        if (!merge_into(target, state)) return;
        pending[target - begin_] = true;
        again |= target <= i;
      };
      for (u32 k = i; k < end_ && !program_.insns[k].dead; ++k) {
        reached_[k - begin_] = true;
        transfer(k, state);
        const Successors next = find_successors(program_, k);
        if (next.jumps) reach(next.target);
        if (!next.falls_through || k + 1 >= end_) break;
        if (leader_[k + 1 - begin_]) {
          reach(k + 1);
          break;
        }
      }
    }
  }
}

RegState Flow::loaded(u32 i, const FlowState& state) const {
  const LowInsn& low = program_.insns[i];
  const bpf_insn& insn = low.insn;
  if (insn_access_bytes(insn.code) != 8 || insn_mode(insn.code) != BPF_MEM) return {RegKind::integer, Anchor::none, 0};
  const int slot = find_slot(state.regs[insn.src_reg], insn.off);
  if (slot >= 0 && state.slots[slot].is_pointer()) return state.slots[slot];
  return {demanded(i, insn.dst_reg) ? RegKind::pointer : RegKind::integer, Anchor::none, 0};
}

void Flow::transfer_alu64(u32 i, FlowState& state) const {
  const bpf_insn& insn = program_.insns[i].insn;
  RegState& dst = state.regs[insn.dst_reg];
  const bool reg = insn_src_is_reg(insn.code);
  const RegState src = reg ? state.regs[insn.src_reg] : RegState{RegKind::integer, Anchor::none, 0};
  const u8 op = insn_op(insn.code);
  if (op == BPF_MOV && reg && insn.off == 0) {
    dst = src;
  } else if ((op == BPF_ADD || op == BPF_SUB) && dst.is_pointer() && !src.is_pointer()) {
    if (reg)
      dst = {RegKind::pointer, Anchor::none, 0};
    else
      dst = moved(dst, op == BPF_ADD ? s64(insn.imm) : -s64(insn.imm));
  } else if (op == BPF_ADD && src.is_pointer() && !dst.is_pointer()) {
    dst = {RegKind::pointer, Anchor::none, 0};
  } else {
    dst = {RegKind::integer, Anchor::none, 0};
  }
}

void Flow::transfer_call(u32 i, FlowState& state) const {
  const LowInsn& low = program_.insns[i];
  if (low.op == LowOp::call || low.op == LowOp::kfunc || (low.op == LowOp::helper && takes_callback(u32(low.insn.imm))))
    state.slots.fill({});
  for (int r = 0; r <= 5; ++r) state.regs[r] = {};
  state.regs[0] = {RegKind::integer, Anchor::none, 0};
  if (low.op == LowOp::call) {
    if (demanded(i, 0)) state.regs[0].kind = RegKind::pointer;
    return;
  }
  const HelperProto* proto = find_helper(u32(low.insn.imm));
  if (!proto || low.op != LowOp::helper) return;
  if (proto->ret == Ret::PTR_TO_MAP_VALUE_OR_NULL) state.regs[0] = {RegKind::pointer, Anchor::aligned8, 0};
  if (proto->ret == Ret::PTR_TO_MEM_OR_NULL) state.regs[0] = {RegKind::pointer, Anchor::none, 0};
}

void Flow::transfer(u32 i, FlowState& state) const {
  const LowInsn& low = program_.insns[i];
  const bpf_insn& insn = low.insn;
  constexpr RegState kInteger{RegKind::integer, Anchor::none, 0};
  switch (low.op) {
    case LowOp::helper:
    case LowOp::kfunc:
    case LowOp::tail_call:
    case LowOp::call:
    case LowOp::packet_load:
      return transfer_call(i, state);
    case LowOp::load_map:
      state.regs[insn.dst_reg] = {RegKind::pointer, Anchor::aligned8, 0};
      return;
    case LowOp::load_map_value:
      state.regs[insn.dst_reg] = moved({RegKind::pointer, Anchor::aligned8, 0}, insn.imm);
      return;
    case LowOp::load_func:
      state.regs[insn.dst_reg] = kInteger;
      return;
    case LowOp::load_env:
      state.regs[insn.dst_reg] = kInteger;
      return;
    case LowOp::bpf:
      break;
  }
  switch (insn_class(insn.code)) {
    case BPF_ALU64:
      return transfer_alu64(i, state);
    case BPF_ALU:
    case BPF_LD:
      state.regs[insn.dst_reg] = kInteger;
      return;
    case BPF_LDX:
      state.regs[insn.dst_reg] = loaded(i, state);
      return;
    case BPF_STX:
      if (is_atomic(insn)) {
        if (insn.imm == BPF_CMPXCHG)
          state.regs[0] = kInteger;
        else if (insn.imm == BPF_LOAD_ACQ)
          state.regs[insn.dst_reg] = kInteger;
        else if (insn.imm != BPF_STORE_REL && insn.imm & BPF_FETCH)
          state.regs[insn.src_reg] = kInteger;
      } else if (const int slot = find_slot(state.regs[insn.dst_reg], insn.off);
                 slot >= 0 && insn_access_bytes(insn.code) == 8) {
        state.slots[slot] = state.regs[insn.src_reg];
      }
      return;
    default:
      return;
  }
}

}  // namespace bpf::jit
