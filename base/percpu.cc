// SPDX-License-Identifier: Apache-2.0
#include "base/percpu.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>

namespace base {
namespace {

Error bad_list(std::string_view text) {
  return Error(EINVAL, "'" + std::string(text) + "' is not a list of CPU numbers such as 0-3,8");
}

// Reads one number off the front of `text`.
bool take_number(std::string_view& text, u32& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number >= kCpusMax) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

u32 count_possible_cpus() {
  std::ifstream file("/sys/devices/system/cpu/possible");
  std::string line;
  std::getline(file, line);
  if (auto cpus = parse_cpu_list(line); cpus && !cpus->empty()) return static_cast<u32>(cpus->size());
  return static_cast<u32>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF)));
}

}  // namespace

Result<std::vector<u32>> parse_cpu_list(std::string_view text) {
  std::vector<u32> cpus;
  std::string_view rest = text;
  while (!rest.empty()) {
    u32 first = 0;
    if (!take_number(rest, first)) return bad_list(text);
    u32 last = first;
    if (rest.starts_with('-')) {
      rest.remove_prefix(1);
      if (!take_number(rest, last) || last < first) return bad_list(text);
    }
    for (u32 cpu = first; cpu <= last; ++cpu) cpus.push_back(cpu);
    if (rest.empty()) break;
    if (!rest.starts_with(',') || rest.size() == 1) return bad_list(text);
    rest.remove_prefix(1);
  }
  return cpus;
}

u32 possible_cpu_count() {
  static const u32 count = count_possible_cpus();
  return count;
}

u32 current_cpu() noexcept {
  const int cpu = sched_getcpu();
  return cpu < 0 ? 0 : static_cast<u32>(cpu) % possible_cpu_count();
}

}  // namespace base
