// SPDX-License-Identifier: Apache-2.0
// scalar_alu.h — arithmetic on what is known of numbers.
//
// Shape     alu(): dst op src for BPF_ADD … BPF_ARSH in 64 or 32 bits; a 32-bit result has zero high bits.
//           What Linux does not compute (division, remainder, a shift by an unknown amount) is unknown here as well: a
//           sharper result would accept programs that Linux refuses.
#pragma once

#include "bpf/verifier/scalar.h"

namespace bpf::verifier {

// `op` is insn_op(code). REQUIRES: a constant shift amount is below the width (checked with the instruction).
Scalar alu(u8 op, bool is64, const Scalar& dst, const Scalar& src);
Scalar negate(bool is64, const Scalar& dst);
// The low 16, 32 or 64 bits, with their bytes swapped or not.
Scalar byte_order(bool swap, int bits, const Scalar& a);

}  // namespace bpf::verifier
