// SPDX-License-Identifier: Apache-2.0
// callback.h — a function of the program that a helper or kfunc runs, and which calls do so.
//
// Shape     whoever checks such a call fills a Callback and hands it to Walk::push_callback().
#pragma once

#include <array>

#include "bpf/verifier/cfg.h"
#include "bpf/verifier/state.h"

namespace bpf::verifier {

struct Callback {
  u32 subprog = 0;
  std::array<Reg, 5> args{};  // r1 … r5 as it finds them; a register of Kind::none cannot be read
  ReturnRange returns{0, 1};
  bool async = false;      // runs later, in a frame of its own, and returns to nobody
  bool sleepable = false;  // … and may sleep
};

// The call runs a callback before it returns: the walk comes back to it after each turn.
bool runs_callback(const bpf_insn& insn);

}  // namespace bpf::verifier
