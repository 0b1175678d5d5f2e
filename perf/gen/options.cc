// SPDX-License-Identifier: Apache-2.0
#include "perf/gen/options.h"

#include <CLI/CLI.hpp>
#include <cstring>

#include "perf/gen/frame.h"

namespace perf {

std::variant<GenOptions, int> parse_gen_options(int argc, char** argv) {
  GenOptions o;
  int own = argc;
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], "--") == 0) {
      own = i;
      o.eal_extra.assign(argv + i + 1, argv + argc);
      break;
    }
  CLI::App app("gen: a source and sink of numbered, time-stamped frames on DPDK ports");
  app.footer(
      "EAL arguments follow after --. Exit codes: 0 done, 1 the self-test found loss, 2 usage, 69 a port does not "
      "open.");
  bool one_way = false;
  app.add_option("--vdev", o.vdevs, "device, as EAL writes it; sent into the first, received from all")->take_all();
  app.add_option("--rate", o.rate_mpps, "million frames a second; 0: as fast as possible")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--flows", o.flows, "number of flows")->check(CLI::Range(1u, kFlowsMax));
  app.add_option("--size", o.size_text, "64 to 1518, without FCS, or imix");
  app.add_option("--duration", o.duration_s, "seconds that count")->check(CLI::Range(0.01, 86400.0));
  app.add_option("--warmup", o.warmup_s, "seconds before")->check(CLI::Range(0.0, 60.0));
  app.add_option("--cpu", o.cpu, "CPU to run on");
  app.add_option("--burst", o.burst, "frames handed to the port at once")->check(CLI::Range(1u, 256u));
  app.add_option("--link-wait", o.link_wait_s, "seconds to wait for the peer");
  app.add_flag("--one-way", one_way, "nothing comes back: count what the link took");
  app.add_flag("--no-huge", o.no_huge, "run without hugepages");
  app.add_flag("--self-test", o.self_test,
               "no device under test: loop through a ring and expect every frame back in order");
  app.add_option("--file-prefix", o.file_prefix, "EAL file prefix");
  app.add_option("--json", o.json_path, "write the report there");
  try {
    app.parse(own, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  o.sink_expected = !one_way;
  o.sizes = parse_sizes(o.size_text);
  if (o.sizes.empty()) {
    std::fprintf(stderr, "gen: --size %s: neither 64 to 1518 nor imix\n", o.size_text.c_str());
    return 2;
  }
  if (o.self_test) o.vdevs = {"net_ring0"};
  if (o.vdevs.empty()) {
    std::fprintf(stderr, "gen: no port: give --vdev or --self-test\n");
    return 2;
  }
  return o;
}

}  // namespace perf
