// SPDX-License-Identifier: Apache-2.0
// machine.h — the state of one run, and the step functions that change it.
//
// Shape     an image is an array of Inst: each holds the function that executes it (a step), chosen once when the image
//           is made. A step does its work and sets `pc`; the run ends when `pc` is null.
//           step_alu.cc arithmetic; step_memory.cc loads, stores, atomics; step_flow.cc jumps, calls, exit.
// Threads   a Machine belongs to one run on one thread; Inst arrays are immutable.
#pragma once

#include <array>

#include "bpf/abi/host/bpf_map.h"
#include "bpf/abi/host/callback.h"
#include "bpf/program.h"

namespace bpf::interp {

struct Machine;
struct Inst;
using Step = void (*)(Machine&, const Inst&);

struct Inst {
  Step step = nullptr;
  LowInsn low;
  u64 value = 0;                 // 64-bit immediate, map address, helper body
  const Inst* target = nullptr;  // first instruction of a called subprogram
};

// A subprogram whose address a helper gets. It runs on a machine of its own: its frames are behind the caller's.
struct Callback : bpf_callback {
  const Inst* begin = nullptr;
};

// Linux allows eight frames; each has its own 512 bytes, of which the verifier lets a chain use 512 together.
inline constexpr u32 kFramesMax = 8;
// Turns of one may_goto before it falls out of its loop (BPF_MAX_LOOPS).
inline constexpr u32 kMayGotoTurns = 8U << 20;

struct Frame {
  alignas(16) std::array<std::byte, MAX_BPF_STACK> stack;
  std::array<u64, 4> saved;    // r6 … r9 of the caller
  const Inst* back = nullptr;  // where the caller goes on
  u32 may_goto_left = 0;
};

struct Machine {
  std::array<u64, MAX_BPF_REG> r{};
  const Inst* pc = nullptr;
  bpf_env* env = nullptr;
  u32 depth = 0;
  std::array<Frame, kFramesMax> frames;
};

// Opens the frame `m.depth`: a zeroed stack and its r10.
void open_frame(Machine& m);

// The step for an instruction that is neither dead nor a LowOp of its own; nullptr where there is no such instruction.
Step find_alu_step(const bpf_insn& insn);
Step find_memory_step(const bpf_insn& insn);
Step find_jump_step(const bpf_insn& insn);

// Steps of the other kinds of LowOp.
void step_helper(Machine& m, const Inst& i);
void step_tail_call(Machine& m, const Inst& i);
void step_call(Machine& m, const Inst& i);
void step_load_value(Machine& m, const Inst& i);  // dst = i.value
void step_load_env(Machine& m, const Inst& i);
// Says which instruction and aborts: reached only if the verifier or lowering is wrong.
[[noreturn]] void step_trap(Machine& m, const Inst& i);

}  // namespace bpf::interp
