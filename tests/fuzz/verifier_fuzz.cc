// SPDX-License-Identifier: Apache-2.0
// Random programs: our verdict against the host kernel's. Accepting what the host refuses is a failure; refusing what
// it accepts is counted and bounded.
//
// Usage     verifier_fuzz [--count N] [--seed S] [--seconds T] [--verbose]; program k of a run has seed S + k.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <set>
#include <string>
#include <tuple>

#include "bpf/abi/flags.h"
#include "bpf/verifier/opcodes.h"
#include "bpf/verifier/verifier.h"
#include "tests/support/host_kernel.h"
#include "tests/support/program_maker.h"
#include "tests/support/slice.h"
#include "tests/support/topic_maker.h"

namespace {

using base::u64;

struct Options {
  u64 count = 1000000000;
  u64 seed = 0;
  double seconds = 12;
  bool verbose = false;
};

constexpr int kSkipped = 77;  // meson's word for it

Options parse(int argc, char** argv) {
  Options o;
  bool counted = false, timed = false;
  o.seed = support::slice_seed();
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    const char* value = i + 1 < argc ? argv[i + 1] : "0";
    if (a == "--count")
      o.count = std::strtoull(value, nullptr, 0), counted = true, ++i;
    else if (a == "--seed")
      o.seed = std::strtoull(value, nullptr, 0), ++i;
    else if (a == "--seconds")
      o.seconds = support::slice_length(std::strtod(value, nullptr)), timed = true, ++i;
    else if (a == "--verbose")
      o.verbose = true;
  }
  if (counted && !timed) o.seconds = 1e9;
  return o;
}

void print_program(const bpf::ProgSource& source) {
  for (std::size_t i = 0; i < source.insns.size(); ++i) {
    const bool wide = bpf::insn_is_ld_imm64(source.insns[i]) && i + 1 < source.insns.size();
    std::printf("  %3zu: %s\n", i,
                bpf::verifier::disassemble(source.insns[i], wide ? &source.insns[i + 1] : nullptr).c_str());
    i += wide;
  }
}

std::string tail(const std::string& log, std::size_t n = 1500) {
  return log.size() > n ? "…" + log.substr(log.size() - n) : log;
}

// The sentence without its numbers: what disagreements are grouped by.
std::string cause(std::string s) {
  for (char& c : s)
    if (c >= '0' && c <= '9') c = '#';
  return s;
}

// An array of programs belongs to the first type that uses it, and maps to who made them.
class HostMaps {
 public:
  base::Result<std::span<const support::Fd>> of(const bpf::ProgSource& source) {
    const auto key = std::tuple(source.type, source.caps.perfmon, source.maps.size());
    auto at = made_.find(key);
    if (at == made_.end()) {
      bpf::Capabilities maker;
      maker.perfmon = source.caps.perfmon;
      const support::LoweredCapabilities lowered(maker);
      SLUICE_TRY(auto maps, support::host_make_maps(source));
      at = made_.emplace(key, std::move(maps)).first;
    }
    return std::span<const support::Fd>(at->second);
  }

 private:
  std::map<std::tuple<bpf::bpf_prog_type, bool, std::size_t>, std::vector<support::Fd>> made_;
};

// Two makers in turn: one follows what XDP programs do, the other goes from topic to topic.
bpf::ProgSource make_source(u64 seed) {
  return seed % 3 == 0 ? support::make_program(seed) : support::make_topic_program(seed);
}

}  // namespace

int main(int argc, char** argv) {
  const Options o = parse(argc, argv);
  if (const auto& why = support::host_kernel_unusable()) {
    std::printf("SKIPPED: host kernel is no oracle here: %s\n", why->c_str());
    return kSkipped;
  }
  std::printf("seed %llu\n", static_cast<unsigned long long>(o.seed));
  const auto& closed = support::host_closed_to_unprivileged();
  if (closed) std::printf("SKIPPED without CAP_BPF (%s): such programs are not judged\n", closed->c_str());
  HostMaps host_maps;
  std::set<std::string> sentences;
  std::set<unsigned> opcodes;
  u64 unjudged = 0, host_accepts = 0;
  u64 done = 0, both = 0, unsound = 0, strict = 0, errno_differs = 0, unsupported = 0;
  std::map<std::string, std::pair<u64, u64>> causes;
  std::map<std::string, u64> refusals;
  const auto begin = std::chrono::steady_clock::now();
  for (; done < o.count; ++done) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > o.seconds) break;
    const u64 seed = o.seed + done;
    const bpf::ProgSource source = make_source(seed);
    if (!source.caps.bpf && closed) {
      ++unjudged;
      continue;
    }
    const auto maps = host_maps.of(source);
    if (!maps) {
      std::printf("maps: %s\n", maps.error().what().c_str());
      return 1;
    }
    const auto ours = bpf::verifier::verify(source);
    const auto host = support::host_load(source, *maps);
    host_accepts += host.accepted();
    if (ours.accepted())
      for (const bpf::bpf_insn& i : source.insns) opcodes.insert(i.code);
    else
      sentences.insert(cause(ours.reason));
    both += ours.accepted() && host.accepted();
    if (ours.unsupported) {
      ++unsupported;
      continue;
    }
    if (!ours.accepted() && !host.accepted()) errno_differs += ours.error != host.error;
    if (!ours.accepted() && o.verbose) ++refusals[cause(ours.reason)];
    if (ours.accepted() == host.accepted()) continue;
    const bool bad = ours.accepted();
    (bad ? unsound : strict)++;
    const auto told = support::host_load(source, *maps, bpf::BPF_LOG_LEVEL2);
    std::string sentence = ours.reason;
    if (bad) {
      const std::size_t end = told.log.rfind("\nprocessed ");
      const std::size_t line = end == std::string::npos || end == 0 ? std::string::npos : told.log.rfind('\n', end - 1);
      sentence = line == std::string::npos ? "?" : told.log.substr(line + 1, end - line - 1);
    }
    auto& [n, example] = causes[(bad ? "ACCEPTED, host refuses: " : "refused, host accepts: ") + cause(sentence)];
    if (n++ == 0) {
      example = seed;
      if (bad || o.verbose) {
        std::printf("--- seed %llu, type %u, flags %u, CAP_BPF %d, CAP_PERFMON %d: ours %d, host %d\n",
                    static_cast<unsigned long long>(seed), unsigned{source.type}, source.prog_flags, source.caps.bpf,
                    source.caps.perfmon, ours.error, host.error);
        print_program(source);
        const auto again = bpf::verifier::verify(source, {.log_level = bpf::BPF_LOG_LEVEL2});
        std::printf("ours:\n%s\nhost:\n%s\n", tail(again.log).c_str(), tail(told.log).c_str());
      }
    }
  }
  std::printf(
      "%llu programs: both accept %llu (%.1f %%), accepted against the host %llu, refused against the host %llu, other "
      "errno %llu, unsupported %llu\n",
      static_cast<unsigned long long>(done), static_cast<unsigned long long>(both),
      100.0 * static_cast<double>(both) / static_cast<double>(done ? done : 1),
      static_cast<unsigned long long>(unsound), static_cast<unsigned long long>(strict),
      static_cast<unsigned long long>(errno_differs), static_cast<unsigned long long>(unsupported));
  std::printf("host accepts %.1f %%, not judged %llu, %zu sentences of refusal, %zu opcodes in accepted programs\n",
              100.0 * static_cast<double>(host_accepts) / static_cast<double>(done ? done : 1),
              static_cast<unsigned long long>(unjudged), sentences.size(), opcodes.size());
  for (const auto& [what, seen] : causes)
    std::printf("  %6llu  %s (seed %llu)\n", static_cast<unsigned long long>(seen.first), what.c_str(),
                static_cast<unsigned long long>(seen.second));
  for (const auto& [what, n] : refusals)
    std::printf("  %6llu  both refuse: %s\n", static_cast<unsigned long long>(n), what.c_str());
  const bool too_strict = strict * 100 > done;
  if (both * 100 < done * 10) std::printf("FAILED: hardly any program was accepted: the maker is broken\n");
  if (too_strict) std::printf("FAILED: more than 1 %% refused that the host accepts\n");
  return unsound != 0 || too_strict || both * 100 < done * 10 ? 1 : 0;
}
