// SPDX-License-Identifier: Apache-2.0
#include "control/perf_map.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>

#include "control/hex.h"

namespace control {
namespace {

// "sluice_prog" is the program itself; "sluice_burst" and "sub3" are parts of it.
std::string suffix_of(const std::string& function) {
  if (function == "sluice_prog") return "";
  constexpr std::string_view kPrefix = "sluice_";
  return "_" + (function.starts_with(kPrefix) ? function.substr(kPrefix.size()) : function);
}

}  // namespace

base::Result<std::unique_ptr<PerfMap>> PerfMap::open(std::string path) {
  if (path.empty()) path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  unlink(path.c_str());
  base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644));
  if (!file) return base::Error(errno, path + ": " + std::strerror(errno));
  return std::unique_ptr<PerfMap>(new PerfMap(std::move(file)));
}

void PerfMap::add(const Program& program) {
  if (!program.code()) return;
  const auto text = reinterpret_cast<u64>(program.code()->text().data());
  const std::string name =
      "bpf_prog_" + to_hex(std::as_bytes(std::span(program.info().tag))) + "_" + program.info().name;
  std::string lines;
  for (const auto& f : program.code()->functions()) {
    char numbers[48];
    std::snprintf(numbers, sizeof numbers, "%llx %x ", (unsigned long long)(text + f.offset), f.bytes);
    lines += numbers + name + suffix_of(f.name) + "\n";
  }
  // A full disk costs names, nothing else.
  if (write(file_.get(), lines.data(), lines.size()) < 0) return;
}

}  // namespace control
