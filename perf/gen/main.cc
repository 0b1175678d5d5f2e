// SPDX-License-Identifier: Apache-2.0
// gen — sends numbered, time-stamped frames into a port at a set rate and accounts for every one that comes back.
#include <rte_eal.h>

#include <cstdio>
#include <fstream>

#include "perf/gen/options.h"
#include "perf/gen/ports.h"
#include "perf/gen/report.h"
#include "perf/gen/traffic.h"

namespace {

constexpr int kExitUnavailable = 69;

int run(const perf::GenOptions& options) {
  auto ports = perf::Ports::open(options);
  if (!ports) {
    std::fprintf(stderr, "gen: %s\n", ports.error().what().c_str());
    return kExitUnavailable;
  }
  if (!ports->wait_for_links(options.link_wait_s)) {
    std::fprintf(stderr, "gen: no link within %.1f s: is the peer running?\n", options.link_wait_s);
    return kExitUnavailable;
  }
  const perf::TrafficResult result = perf::run_traffic(options, *ports);
  std::fputs(perf::report_text(options, result).c_str(), stdout);
  if (!options.json_path.empty())
    std::ofstream(options.json_path) << perf::report_json(options, result).dump(2) << "\n";
  if (!options.self_test) return 0;
  const auto& back = result.back;
  const bool whole =
      result.sent > 0 && result.lost() == 0 && !back.reordered && !back.duplicates && !back.too_late && !back.foreign;
  std::puts(whole ? "self-test: every frame came back once and in order" : "self-test: FAILED");
  return whole ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  auto options = perf::parse_gen_options(argc, argv);
  if (const int* code = std::get_if<int>(&options)) return *code;
  const int code = run(std::get<perf::GenOptions>(options));
  rte_eal_cleanup();
  return code;
}
