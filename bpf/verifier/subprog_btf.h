// SPDX-License-Identifier: Apache-2.0
// subprog_btf.h — what a program's BTF says of its subprograms and source lines, and what a map's BTF says of its
// values.
//
// Threads   immutable after parse_program_btf(). Errors: EINVAL and Linux's sentence.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bpf/btf/btf.h"
#include "bpf/program.h"
#include "bpf/registry/prog_spec.h"
#include "bpf/verifier/cfg.h"
#include "bpf/verifier/problem.h"

namespace bpf::verifier {

// How a global function is entered, argument by argument.
struct GlobalArg {
  enum class Kind : u8 { scalar, ctx, mem } kind = Kind::scalar;
  u32 size = 0;            // mem
  bool maybe_null = true;  // mem
};

struct SubprogBtf {
  std::string name;
  bool is_global = false;
  std::vector<GlobalArg> args;
  std::string bad_signature;  // not empty: why the function cannot be verified alone (only asked of global ones)
  bool bad_is_unsupported = false;
};

struct ProgramBtf {
  std::optional<btf::Btf> types;
  std::vector<SubprogBtf> subprogs;  // parallel to Cfg::subprogs; empty without func_info

  // "; src line @ file.c:12", or nothing.
  std::string source_line(const ProgSource& source, u32 insn, u32* record) const;
};

std::optional<Problem> parse_program_btf(const ProgSource& source, const ProgSpec& spec, Cfg& cfg, ProgramBtf& out);
// Objects in map values that need rules we do not have yet (locks, timers, kptrs …).
std::optional<Problem> check_map_values(const ProgSource& source);

}  // namespace bpf::verifier
