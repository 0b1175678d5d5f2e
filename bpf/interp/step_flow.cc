// SPDX-License-Identifier: Apache-2.0
// step_flow.cc — jumps, calls of every kind, exit, and the trap.
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "bpf/interp/alu.h"
#include "bpf/interp/machine.h"
#include "bpf/registry/helper.h"
#include "bpf/runtime/runtime.h"

namespace bpf::interp {
namespace {

// Back to the caller, or out of the run.
void leave_frame(Machine& m) {
  if (m.depth == 0) {
    m.pc = nullptr;
    return;
  }
  const Frame& frame = m.frames[m.depth--];
  std::ranges::copy(frame.saved, m.r.begin() + BPF_REG_6);
  m.r[BPF_REG_10] = reinterpret_cast<u64>(m.frames[m.depth].stack.end());
  m.pc = frame.back;
}

template <class T, bool kFromReg>
void step_compare(Machine& m, const Inst& i) {
  const bpf_insn& insn = i.low.insn;
  const T src = kFromReg ? T(m.r[insn.src_reg]) : T(base::s64(insn.imm));
  m.pc += 1 + (kCompare<T>[insn.code >> 4](T(m.r[insn.dst_reg]), src) ? insn.off : 0);
}

void step_jump(Machine& m, const Inst& i) {
  m.pc += 1 + i.low.insn.off;
}
void step_jump_far(Machine& m, const Inst& i) {
  m.pc += 1 + i.low.insn.imm;
}
void step_exit(Machine& m, const Inst&) {
  leave_frame(m);
}

// Jumps while turns are left: a loop that may run for ever still ends.
void step_may_goto(Machine& m, const Inst& i) {
  u32& left = m.frames[m.depth].may_goto_left;
  m.pc += 1;
  if (left == 0) {
    m.pc += i.low.insn.off;
    return;
  }
  --left;
}

template <class T>
Step find_compare_step(const bpf_insn& insn) {
  if (!kCompare<T>[insn.code >> 4]) return nullptr;
  return insn_src_is_reg(insn.code) ? step_compare<T, true> : step_compare<T, false>;
}

}  // namespace

void open_frame(Machine& m) {
  Frame& frame = m.frames[m.depth];
  frame.stack.fill(std::byte{0});
  frame.may_goto_left = kMayGotoTurns;
  m.r[BPF_REG_10] = reinterpret_cast<u64>(frame.stack.end());
}

Step find_jump_step(const bpf_insn& insn) {
  switch (insn.code) {
    case BPF_JMP | BPF_JA:
      return step_jump;
    case BPF_JMP32 | BPF_JA:
      return step_jump_far;
    case BPF_JMP | BPF_EXIT:
      return step_exit;
    case BPF_JMP | BPF_JCOND:
      return insn.src_reg == 0 ? step_may_goto : nullptr;
    default:
      return insn_class(insn.code) == BPF_JMP ? find_compare_step<u64>(insn) : find_compare_step<u32>(insn);
  }
}

void step_helper(Machine& m, const Inst& i) {
  const auto body = reinterpret_cast<helper_fn>(i.value);
  m.r[0] = body(m.env, m.r[1], m.r[2], m.r[3], m.r[4], m.r[5]);
  ++m.pc;
}

// The next program takes this frame's place: its r0 is what the frame returns.
void step_tail_call(Machine& m, const Inst&) {
  const auto* next = reinterpret_cast<const bpf_prog*>(bpf_tail_call(m.env, m.r[1], m.r[2], m.r[3], 0, 0));
  if (!next) {
    ++m.pc;
    return;
  }
  m.r[0] = bpf_prog_run(next)(reinterpret_cast<void*>(m.r[1]), m.env, next);
  leave_frame(m);
}

void step_call(Machine& m, const Inst& i) {
  if (m.depth + 1 == kFramesMax) step_trap(m, i);
  Frame& frame = m.frames[++m.depth];
  std::copy_n(m.r.begin() + BPF_REG_6, frame.saved.size(), frame.saved.begin());
  frame.back = m.pc + 1;
  open_frame(m);
  m.pc = i.target;
}

void step_trap(Machine&, const Inst& i) {
  std::fprintf(stderr, "interp: instruction %u (code 0x%02x) must not be executed: verifier or lowering is wrong\n",
               i.low.origin, i.low.insn.code);
  std::abort();
}

}  // namespace bpf::interp
