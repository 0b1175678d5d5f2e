// SPDX-License-Identifier: Apache-2.0
// arguments.h — the command lines of the off-line verbs, checked.
//
// Threads   plain values. Errors: EINVAL and the sentence for standard error; the caller exits with 2.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "bpf/program.h"

namespace control::offline {

struct Arguments {
  std::string verb;                    // "verify" or "test-run"
  std::string object;
  std::string prog;
  std::string btf;
  std::string data_in, data_out;
  std::string ctx_in, ctx_out;
  base::u32 repeat = 1;
  std::optional<base::u32> cpu;
  bool interpret = false;
  bool dump_maps = false;
  bool json = false;
  bool pretty = false;
  bool verbose = false;
  bpf::Capabilities caps;              // verify: of the user that loads
};

base::Result<Arguments> parse_arguments(std::vector<std::string> words);
// What the verbs and their options are, for people.
std::string usage();

}  // namespace control::offline
