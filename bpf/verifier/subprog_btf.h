// SPDX-License-Identifier: Apache-2.0
// subprog_btf.h — what a program's BTF says of its subprograms and source lines, and what a map's BTF says of its
// values.
//
// Threads   immutable after parse_program_btf(). Errors: EINVAL and Linux's sentence.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bpf/btf/kernel_btf.h"
#include "bpf/program.h"
#include "bpf/registry/prog_spec.h"
#include "bpf/verifier/attach.h"
#include "bpf/verifier/cfg.h"
#include "bpf/verifier/map_table.h"
#include "bpf/verifier/problem.h"
#include "bpf/verifier/signature.h"

namespace bpf::verifier {

struct SubprogBtf {
  std::string name;
  bool is_global = false;
  Signature signature;  // of a global one
};

struct ProgramBtf {
  std::optional<btf::Btf> types;
  AttachTarget target;                                                 // of a type that has one
  std::shared_ptr<const btf::KernelBtf> kernel;                        // null: the program needs none, or not yet
  std::function<std::shared_ptr<const btf::KernelBtf>()> read_kernel;  // for what only the walk finds it needs
  MapTable maps;
  std::vector<SubprogBtf> subprogs;  // parallel to Cfg::subprogs; empty without func_info

  // "; src line @ file.c:12", or nothing.
  std::string source_line(const ProgSource& source, u32 insn, u32* record) const;
};

std::optional<Problem> parse_program_btf(const ProgSource& source, const ProgSpec& spec, Cfg& cfg, ProgramBtf& out);

}  // namespace bpf::verifier
