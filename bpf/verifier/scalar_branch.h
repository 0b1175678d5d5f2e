// SPDX-License-Identifier: Apache-2.0
// scalar_branch.h — which way a comparison goes, and what each way teaches about its operands.
#pragma once

#include "bpf/verifier/scalar.h"

namespace bpf::verifier {

enum class Branch : u8 { never, always, unknown };

// `op`: BPF_JEQ … BPF_JSLE, BPF_JSET; `is32` compares low halves.
Branch decide(u8 op, bool is32, const Scalar& a, const Scalar& b);
// Narrows a and b to the members for which `a op b` is `taken`.
void refine(u8 op, bool is32, bool taken, Scalar& a, Scalar& b);

}  // namespace bpf::verifier
