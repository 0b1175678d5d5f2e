// SPDX-License-Identifier: Apache-2.0
// jit.h — eBPF -> LLVM IR -> relocatable object (compile, in the builder), object -> native code (link, in the daemon).
//
// Shape     an object (object.h) is an ELF file and the origin of its instructions. It has `sluice_prog` and perhaps
//           `sluice_burst`; it refers to maps by the symbols sluice_map_<index> and to functions of the native runtime
//           by their names. Nothing in it is an address.
// Threads   compile: re-entrant. Linker: one per process, any thread. Code: immutable.
// Lifetime  dropping a Code frees its memory: the caller has waited for a grace period.
// Cost      a few ms per hundred instructions (perf/run compile); one LLJIT for all programs.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/abi/host/bpf_map.h"
#include "bpf/program.h"

namespace bpf::jit {

// checked: quick code that looks at every fact the other tiers rest on, and traps where one does not hold; for tests.
enum class Tier : u8 { quick, optimised, checked };
std::string_view tier_name(Tier tier);

struct CompileOptions {
  Tier tier = Tier::optimised;
};

base::Result<std::vector<std::byte>> compile(const LoweredProgram& program, const CompileOptions& options = {});

// Machine code from `offset` on, up to the next line, comes from instruction `insn` of ProgSource::insns.
struct CodeLine {
  u32 offset = 0;
  u32 insn = 0;
};

// "sluice_prog" the entry, "sluice_burst" the loop over packets (quick code has none), "sub<N>" subprogram N.
struct CodeFunction {
  std::string name;
  u32 offset = 0;
  u32 bytes = 0;
};

class Code {
 public:
  virtual ~Code() = default;
  virtual const bpf_prog* prog() const noexcept = 0;
  virtual base::ConstBytes text() const noexcept = 0;  // the machine code, for dumps
  // Ascending; offsets into text().
  virtual std::span<const CodeLine> lines() const noexcept = 0;
  virtual std::span<const CodeFunction> functions() const noexcept = 0;
};

// maps[i] is the live map behind sluice_map_<i>.
base::Result<std::unique_ptr<Code>> link(base::ConstBytes object, std::span<bpf_map* const> maps, bpf_prog_type type,
                                         u32 id);

}  // namespace bpf::jit
