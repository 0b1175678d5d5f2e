// SPDX-License-Identifier: Apache-2.0
// print.h — values in the notation of Linux's verifier log.
#pragma once

#include <string>

#include "bpf/verifier/cfg.h"
#include "bpf/verifier/state.h"

namespace bpf::verifier {

// "ctx", "pkt", "map_value_or_null", …
std::string kind_text(const Reg& r);  // with its flags: "rcu_ptr_or_null_"
const char* kind_text(Kind kind);
// "ringbuf"
const char* dynptr_name(DynptrType type);
// "Live regs before insn:" and a line for each instruction.
std::string live_registers_text(const ProgSource& source, const Cfg& cfg);
std::string bits_text(Tnum t);               // "(0x0; 0xff)"
std::string scalar_fields(const Scalar& s);  // "smin=0,smax=umax=255,var_off=(0x0; 0xff)"

}  // namespace bpf::verifier
