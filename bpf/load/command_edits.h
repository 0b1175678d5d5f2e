// SPDX-License-Identifier: Apache-2.0
// command_edits.h — bpf(2) commands of libbpf for a prepared object (prepare.h), as today's libbpf would give them.
//
//   MAP_CREATE   of the arena's data section answers with the arena; what libbpf writes there goes nowhere
//   PROG_LOAD    loses the instruction that names the exception callback; gets the struct and member of struct_ops
//
// Threads   the loader process has one. Lifetime: begin() starts a load and forgets the one before.
// Errors    as the command: a negative errno. ENOENT: global variables in an arena, and there is no arena.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/types.h"
#include "bpf/load/prepare.h"

union bpf_attr;

namespace bpf::load {

class CommandEdits {
 public:
  using Next = std::function<long(unsigned cmd, void* attr, unsigned size)>;
  struct Member {
    base::u32 type = 0, index = 0;
  };

  void begin(const Prepared* prepared) { *this = {}, prepared_ = prepared; }
  // What the only struct_ops program of this load stands for.
  void set_member(std::optional<Member> member) { member_ = member; }
  // What stands for /proc/kallsyms.
  std::string symbol_lines() const;
  long run(unsigned cmd, void* attr, unsigned size, const Next& next);

 private:
  long create_map(bpf_attr& attr, unsigned size, const Next& next);
  long load_program(const bpf_attr& attr, unsigned size, const Next& next) const;

  const Prepared* prepared_ = nullptr;
  std::optional<Member> member_;
  int arena_ = -1;
  std::vector<int> data_;  // descriptors of the arena that libbpf takes for a data section's map
};

CommandEdits& command_edits();

}  // namespace bpf::load
