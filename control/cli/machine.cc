// SPDX-License-Identifier: Apache-2.0
#include "control/cli/machine.h"

#include <cstdio>

#include "control/nic/bind.h"
#include "control/nic/init.h"

namespace control::cli {
namespace {

constexpr int kUsage = 2;

int bad(const std::string& sentence) {
  std::fprintf(stderr, "sluice: %s\n", sentence.c_str());
  return kUsage;
}

// What was written is one thing, what the kernel made of it another.
int report(const base::Result<std::string>& done, bool bound) {
  if (!done) {
    std::fprintf(stderr, "sluice: %s\n", done.error().what().c_str());
    return 1;
  }
  const auto nic = find_nic({}, *done);
  const std::string driver = nic ? nic->driver : "";
  if ((driver == kBindDriver) != bound) {
    std::fprintf(stderr, "sluice: the kernel left %s with the driver %s\n", done->c_str(),
                 driver.empty() ? "none" : driver.c_str());
    return 1;
  }
  std::printf("%s: driver %s\n", done->c_str(), driver.empty() ? "none" : driver.c_str());
  return 0;
}

int move(std::span<const std::string> words) {
  const bool bound = words[1] == "bind";
  const bool force = words.back() == "--force";
  if (force) words = words.first(words.size() - 1);
  if (words.size() != 3 || (force && !bound))
    return bad("port " + words[1] + ": expected one PCI address or interface" + (bound ? ", and perhaps --force" : ""));
  return report(bound ? bind_nic({}, words[2], force) : unbind_nic({}, words[2]), bound);
}

}  // namespace

bool is_machine_verb(std::span<const std::string> words) {
  if (words.size() < 2) return false;
  return words[0] == "port" ? words[1] == "bind" || words[1] == "unbind" : words[0] == "config" && words[1] == "init";
}

int run_machine_verb(std::span<const std::string> words) {
  if (words[0] == "port") return move(words);
  if (words.size() != 2) return bad("config init takes no further words; it prints the configuration");
  std::fputs(initial_config({}).c_str(), stdout);
  return 0;
}

}  // namespace control::cli
