// SPDX-License-Identifier: Apache-2.0
// opcodes.h — which code bytes are instructions at all, and how they are written.
#pragma once

#include <string>

#include "bpf/abi/insn.h"

namespace bpf::verifier {

bool is_opcode(std::uint8_t code);
// One line in Linux's notation, without the index: "(07) r4 += 14". `next` is the second slot of a 64-bit immediate.
std::string disassemble(const bpf_insn& insn, const bpf_insn* next);
// "+=", "&=", …
const char* operator_text(std::uint8_t code);

}  // namespace bpf::verifier
