// SPDX-License-Identifier: Apache-2.0
// verifier_bench ROUNDS OBJECT... — verification of each program of the objects beside the host kernel's PROG_LOAD at
// log level 0, turn by turn; JSON on stdout.
//
// Shape     {"programs": [{"object", "name", "insns", "ours_ns": [...], "host_ns": [...], "peak_bytes"}],
//            "left_out": ["object name: why"]}
//           ours: verify() alone, from instructions to facts. host: the system call, verification and what comes with
//           it; maps and BTF are there before. peak_bytes: growth of a child that verifies this program and no other.
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bpf/verifier/verifier.h"
#include "tests/support/host_kernel.h"
#include "tests/support/kernel_types.h"
#include "tests/support/object.h"

namespace {

using base::u64;
using json = nlohmann::json;
using Clock = std::chrono::steady_clock;

const bpf::verifier::Options kOptions{.kernel = support::kernel_types};

u64 ns_since(Clock::time_point begin) {
  return u64(std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count());
}

// A line of /proc/self/status, in bytes.
u64 status_bytes(const std::string& name) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name)) return std::strtoull(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
  return 0;
}

u64 peak_of_child(const bpf::ProgSource& source) {
  int ends[2];
  if (pipe(ends) != 0) return 0;
  const pid_t child = fork();
  if (child == 0) {
    malloc_trim(0);
    std::ofstream("/proc/self/clear_refs") << "5";  // the high-water mark begins here
    const u64 before = status_bytes("VmRSS:");
    const auto verdict = bpf::verifier::verify(source, kOptions);
    const u64 after = status_bytes("VmHWM:");
    const u64 grown = after > before ? after - before : 0;
    _exit(write(ends[1], &grown, sizeof grown) == ssize_t(sizeof grown) && verdict.accepted() ? 0 : 1);
  }
  u64 grown = 0;
  close(ends[1]);
  if (child < 0 || read(ends[0], &grown, sizeof grown) != ssize_t(sizeof grown)) grown = 0;
  close(ends[0]);
  if (child > 0) waitpid(child, nullptr, 0);
  return grown;
}

// Why a program has no figures; empty: `row` has them.
std::string measure(const bpf::ProgSource& source, int rounds, json& row) {
  auto maps = support::host_make_maps(source);
  if (!maps) return "the host makes no such map: " + maps.error().what();
  for (int round = -1; round < rounds; ++round) {
    const auto begin = Clock::now();
    const auto verdict = bpf::verifier::verify(source, kOptions);
    const u64 ours = ns_since(begin);
    const auto host = support::host_load(source, *maps);
    if (!verdict.accepted()) return "refused: " + verdict.reason;
    if (!host.accepted()) return "refused by the host: " + std::generic_category().message(host.error);
    if (round < 0) continue;  // the first of each side finds nothing warm
    row["ours_ns"].push_back(ours);
    row["host_ns"].push_back(host.load_ns);
  }
  row["peak_bytes"] = peak_of_child(source);
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 2 ? std::atoi(argv[1]) : 0;
  if (rounds < 1) {
    std::cerr << "usage: verifier_bench ROUNDS OBJECT...\n";
    return 2;
  }
  json answer = {{"programs", json::array()}, {"left_out", json::array()}};
  if (const auto& why = support::host_kernel_unusable()) answer["host_unusable"] = *why;
  for (int i = 2; i < argc; ++i) {
    const std::string file = std::filesystem::path(argv[i]).filename().string();
    auto programs = support::read_object(argv[i]);
    if (!programs) {
      answer["left_out"].push_back(file + ": " + programs.error().what());
      continue;
    }
    for (const auto& program : *programs) {
      json row = {{"object", file}, {"name", program.name}, {"insns", program.source.insns.size()}};
      const std::string why = measure(program.source, rounds, row);
      if (why.empty())
        answer["programs"].push_back(std::move(row));
      else
        answer["left_out"].push_back(file + " " + program.name + ": " + why);
    }
  }
  std::cout << answer.dump() << '\n';
}
