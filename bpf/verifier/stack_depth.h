// SPDX-License-Identifier: Apache-2.0
// stack_depth.h — the call graph: stack over every chain of calls, depth of frames, recursion.
#pragma once

#include <optional>

#include "bpf/program.h"
#include "bpf/verifier/cfg.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {

// Sets Subprog::changes_packet from the helpers that a subprogram and those it calls use. Before the walk.
void find_packet_changers(const ProgSource& source, Cfg& cfg);
// After the walk, when Subprog::stack is known.
std::optional<Problem> check_stack_depth(const ProgSource& source, const Cfg& cfg);

}  // namespace bpf::verifier
