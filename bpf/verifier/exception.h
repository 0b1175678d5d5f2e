// SPDX-License-Identifier: Apache-2.0
// exception.h — bpf_throw and the function it goes to: a declaration tag of the entry names it.
//
// Errors    Linux's words and errno.
#pragma once

#include <optional>

#include "bpf/verifier/cfg.h"
#include "bpf/verifier/problem.h"
#include "bpf/verifier/subprog_btf.h"

namespace bpf::verifier {

// Fills cfg.exception_callback, before the subprograms are known: nothing calls the callback.
std::optional<Problem> find_exception_callback(const ProgSource& source, Cfg& cfg);
// Fills Subprog::throws_at.
void find_throws(const ProgSource& source, const ProgramBtf& btf, Cfg& cfg);
bool is_throw(const bpf_insn& insn, const ProgramBtf& btf);

}  // namespace bpf::verifier
