// SPDX-License-Identifier: Apache-2.0
// arg_types.h — which pointers an argument of a helper takes.
//
// Shape     Arg -> ArgRule. Sets are in Linux's order: the refusal lists them.
// Threads   immutable.
#pragma once

#include <span>
#include <string>

#include "bpf/registry/helper.h"
#include "bpf/verifier/state.h"

namespace bpf::verifier {

struct RegType {
  Kind kind;
  u16 flags = 0;
};

struct ArgRule {
  std::span<const RegType> types;
  std::size_t told = 16;  // how many of them a refusal names
  bool or_null = false;
  bool release = false;  // gives up the reference
  bool rdonly_ok = false;
  u32 fixed_bytes = 0;  // memory of this size
};

const ArgRule& arg_rule(Arg arg);
// Does the register's type, but for being null, belong to the rule's set?
bool takes(const ArgRule& rule, const Reg& r);
// "fp, pkt, map_value"
std::string expected_text(const ArgRule& rule);

bool is_size_arg(Arg arg);
// Any memory will do.
bool takes_memory(Arg arg);
// The helper writes all of it and reads nothing, or does both.
bool is_written_arg(Arg arg);

}  // namespace bpf::verifier
