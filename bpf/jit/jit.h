// SPDX-License-Identifier: Apache-2.0
// jit.h — eBPF -> LLVM IR -> relocatable object (compile, in the builder), object -> native code (link, in the daemon).
//
// Shape     an object defines `sluice_prog` and, for types with a burst form, `sluice_burst`; it refers to maps by
//           the symbols sluice_map_<index> and to functions of the native runtime by their names. Nothing in it is an
//           address.
// Threads   compile: re-entrant. Linker: one per process, any thread. Code: immutable.
// Lifetime  dropping a Code frees its memory: the caller has waited for a grace period.
// Cost      a few ms per hundred instructions (perf/run compile); one LLJIT for all programs.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "bpf/abi/host/bpf_map.h"
#include "bpf/program.h"

namespace bpf::jit {

enum class Tier : u8 { quick, optimised };

struct CompileOptions {
  Tier tier = Tier::optimised;
};

base::Result<std::vector<std::byte>> compile(const LoweredProgram& program, const CompileOptions& options = {});

class Code {
 public:
  virtual ~Code() = default;
  virtual const bpf_prog* prog() const noexcept = 0;
  virtual base::ConstBytes text() const noexcept = 0;  // the machine code, for dumps
};

// maps[i] is the live map behind sluice_map_<i>.
base::Result<std::unique_ptr<Code>> link(base::ConstBytes object, std::span<bpf_map* const> maps, bpf_prog_type type,
                                         u32 id);

}  // namespace bpf::jit
