// SPDX-License-Identifier: Apache-2.0
// flow.h — which registers hold pointers at each instruction, so that addresses become GEPs and not integers cast back.
//
// Shape     backwards: which registers will be used as an address before they are written again (`demand`).
//           forwards: per basic block the state of r0 … r10 and of the 64 spill slots on entry; inside a block the
//           emitter steps the state with transfer() as it goes.
//           A register is `none` (nothing known to be there), `integer` or `pointer`. Merging pointer with integer
//           gives integer: the emitter then converts on the edge. Only speed depends on the outcome, never meaning:
//           either form of a register can be turned into the other at any use.
// Threads   plain values. Cost: two sweeps, repeated until nothing changes; loops need two or three rounds.
#pragma once

#include <array>
#include <vector>

#include "base/result.h"
#include "bpf/program.h"

namespace bpf::jit {

using base::s64;

enum class RegKind : u8 { none, integer, pointer };
// What is known of a pointer's offset: nothing, its distance from the frame pointer, or its remainder modulo 8.
enum class Anchor : u8 { none, frame, aligned8 };

struct RegState {
  RegKind kind = RegKind::none;
  Anchor anchor = Anchor::none;
  s16 offset = 0;

  bool operator==(const RegState&) const = default;
  bool is_pointer() const noexcept { return kind == RegKind::pointer; }
};

inline constexpr int kSpillSlots = MAX_BPF_STACK / 8;

struct FlowState {
  std::array<RegState, MAX_BPF_REG> regs;
  std::array<RegState, kSpillSlots> slots;  // slot i covers frame bytes [-512 + 8 i, +8)
};

// One subprogram, cut into basic blocks.
class Flow {
 public:
  // REQUIRES: check_program(program) succeeded.
  Flow(const LoweredProgram& program, u32 subprog);

  bool is_leader(u32 insn) const noexcept { return leader_[insn - begin_]; }
  bool is_reached(u32 insn) const noexcept { return reached_[insn - begin_]; }
  // State on entry of the block that starts at `leader`.
  const FlowState& entry(u32 leader) const noexcept { return blocks_[block_of_[leader - begin_]]; }
  // Lies between a backward jump and its target.
  bool is_in_loop(u32 insn) const noexcept { return in_loop_[insn - begin_]; }
  // Which of r1 … r5 the subprogram takes in pointer form.
  bool argument_is_pointer(int reg) const noexcept;
  // Moves `state` over one instruction.
  void transfer(u32 insn, FlowState& state) const;

 private:
  void find_leaders();
  void find_loops();
  void find_demand();
  void find_states();
  bool merge_into(u32 leader, const FlowState& state);
  RegState loaded(u32 insn, const FlowState& state) const;
  void transfer_alu64(u32 insn, FlowState& state) const;
  void transfer_call(u32 insn, FlowState& state) const;
  bool demanded(u32 insn, int reg) const noexcept { return demand_after_[insn - begin_] >> reg & 1; }

  const LoweredProgram& program_;
  u32 begin_;
  u32 end_;
  u32 subprog_;
  u16 entry_demand_ = 0;
  std::vector<bool> leader_;
  std::vector<bool> reached_;
  std::vector<bool> in_loop_;
  std::vector<u32> block_of_;  // leader -> index into blocks_
  std::vector<FlowState> blocks_;
  std::vector<u16> demand_after_;  // bit r: register r becomes an address later
};

// Where control goes after an instruction: the next one, a jump's target, both or neither.
struct Successors {
  bool falls_through = false;
  bool jumps = false;
  u32 target = 0;  // may lie outside the subprogram; check_program refuses that
};
Successors find_successors(const LoweredProgram& program, u32 insn);

// Everything an emitter indexes by: targets, registers, maps, subprograms, instruction encodings in range.
base::Status check_program(const LoweredProgram& program);

// "instruction 7 (from 9)": how errors name a place.
std::string name_insn(const LoweredProgram& program, u32 insn);

}  // namespace bpf::jit
