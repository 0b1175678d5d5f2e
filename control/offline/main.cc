// SPDX-License-Identifier: Apache-2.0
// sluice-engine: the half of the command line that carries the engine. `sluice verify` and `sluice test-run` start it,
// so that `sluice` itself links neither LLVM nor the verifier and answers at once.
#include <sys/resource.h>

#include <cstdio>

#include "control/offline/verbs.h"

namespace control::offline {

void print_json(const Arguments& arguments, const nlohmann::ordered_json& value) {
  const auto text = value.dump(arguments.pretty ? 4 : -1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

int fail(const Arguments& arguments, const base::Error& error, int status) {
  if (arguments.json) print_json(arguments, {{"error", error.what()}});
  else std::fprintf(stderr, "sluice: %s\n", error.what().c_str());
  return status;
}

namespace {

// Every handle of the loader's costs a descriptor here.
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

int run(std::vector<std::string> words) {
  for (const std::string& word : words)
    if (word == "-h" || word == "--help" || word == "help") {
      std::fputs(usage().c_str(), stdout);
      return 0;
    }
  auto arguments = parse_arguments(std::move(words));
  if (!arguments) {
    std::fprintf(stderr, "sluice: %s\n%s", arguments.error().what().c_str(), usage().c_str());
    return 2;
  }
  raise_descriptor_limit();
  return arguments->verb == "verify" ? verify(*arguments) : test_run(*arguments);
}

}  // namespace
}  // namespace control::offline

int main(int argc, char** argv) { return control::offline::run({argv + 1, argv + argc}); }
