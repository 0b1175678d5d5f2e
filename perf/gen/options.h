// SPDX-License-Identifier: Apache-2.0
// options.h — the command line of perf/gen.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace perf {

struct GenOptions {
  std::vector<std::string> vdevs;  // EAL device strings; frames are sent into the first and expected from all
  double rate_mpps = 0;            // 0: as fast as the link takes them
  std::uint32_t flows = 1;
  std::vector<std::uint16_t> sizes = {64};
  std::string size_text = "64";
  double duration_s = 5;
  double warmup_s = 0.5;
  double drain_s = 0.2;  // after the last frame: how long stragglers are waited for
  std::uint32_t cpu = 0;
  std::uint32_t burst = 32;
  bool sink_expected = true;  // false: the device under test gives nothing back; loss is not judged
  bool no_huge = false;
  bool self_test = false;
  double link_wait_s = 10;
  std::string file_prefix = "sluice-gen";
  std::string json_path;
  std::vector<std::string> eal_extra;
};

// The options, or the exit code to leave with (usage and mistakes are printed).
std::variant<GenOptions, int> parse_gen_options(int argc, char** argv);

}  // namespace perf
