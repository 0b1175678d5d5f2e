// SPDX-License-Identifier: Apache-2.0
#include "tests/data/case_fuzz.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <map>
#include <set>

#include "bpf/abi/flags.h"
#include "bpf/abi/func_id.h"
#include "bpf/verifier/opcodes.h"
#include "bpf/verifier/verifier.h"
#include "tests/support/mutator.h"

namespace {

using base::u64;
using std::string;

// The sentence without its numbers: what programs are grouped by.
string cause(string s) {
  string out;
  for (const char c : s)
    if (c < '0' || c > '9')
      out += c;
    else if (out.empty() || out.back() != '#')
      out += '#';
  return out;
}

string host_sentence(const string& log) {
  const std::size_t end = log.rfind("\nprocessed ");
  if (end == string::npos) return log.substr(0, 100);
  const std::size_t line = end == 0 ? string::npos : log.rfind('\n', end - 1);
  return log.substr(line == string::npos ? 0 : line + 1, end - (line == string::npos ? 0 : line + 1));
}

void print_program(const bpf::ProgSource& source) {
  for (std::size_t i = 0; i < source.insns.size(); ++i) {
    const bool wide = bpf::insn_is_ld_imm64(source.insns[i]) && i + 1 < source.insns.size();
    std::printf("  %3zu: %s\n", i,
                bpf::verifier::disassemble(source.insns[i], wide ? &source.insns[i + 1] : nullptr).c_str());
    i += wide;
  }
}

// A program has the maps that it names; here the others stand in the list as well, and shall make no difference.
void forget_unused_maps(bpf::ProgSource& source) {
  std::vector<bool> used(source.maps.size());
  for (std::size_t i = 0; i < source.insns.size(); ++i) {
    const bpf::bpf_insn& insn = source.insns[i];
    if (!bpf::insn_is_ld_imm64(insn)) continue;
    const bool names_map = insn.src_reg == bpf::BPF_PSEUDO_MAP_FD || insn.src_reg == bpf::BPF_PSEUDO_MAP_VALUE;
    if (names_map && static_cast<std::size_t>(insn.imm) < used.size()) used[static_cast<std::size_t>(insn.imm)] = true;
    ++i;
  }
  const bpf::MapFacts plain{.type = bpf::BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
  for (std::size_t i = 0; i < used.size(); ++i)
    if (!used[i]) source.maps[i] = plain;
}

// Every program is one of an unprivileged user as well, where the type allows it.
void lower(bpf::ProgSource& program, std::mt19937_64& random) {
  constexpr unsigned kOneIn = 3;
  if (random() % kOneIn != 0) return;
  program.caps = {.bpf = random() % 2 == 0, .perfmon = false, .net_admin = true};
  const bool tail_calls = std::ranges::any_of(program.insns, [](const bpf::bpf_insn& i) {
    return i.code == (bpf::BPF_JMP | bpf::BPF_CALL) && i.imm == bpf::BPF_FUNC_tail_call;
  });
  const bool everybody =
      program.type == bpf::BPF_PROG_TYPE_SOCKET_FILTER || program.type == bpf::BPF_PROG_TYPE_CGROUP_SKB;
  if (everybody) return;
  if (tail_calls) {  // an array of programs belongs to one type
    program.caps.bpf = true;
    return;
  }
  const bool for_all = program.type == bpf::BPF_PROG_TYPE_XDP && !program.caps.bpf;
  if (for_all)
    program.type = bpf::BPF_PROG_TYPE_SOCKET_FILTER;
  else
    program.caps.bpf = true;
}

bool from_hook(bpf::bpf_prog_type type) {
  return type == bpf::BPF_PROG_TYPE_TRACING || type == bpf::BPF_PROG_TYPE_LSM || type == bpf::BPF_PROG_TYPE_EXT;
}

// Not every kernel is built with every program type; one that it lacks is refused before the verifier writes a word.
bool host_knows(bpf::bpf_prog_type type) {
  static std::map<bpf::bpf_prog_type, bool> known;
  const auto [row, is_new] = known.try_emplace(type, true);
  if (is_new) {
    bpf::ProgSource least;
    least.type = type;
    least.gpl_compatible = true;
    least.insns = {{.code = bpf::BPF_ALU64 | bpf::BPF_MOV | bpf::BPF_K, .imm = 1},
                   {.code = bpf::BPF_JMP | bpf::BPF_EXIT}};
    const auto host = support::host_load(least, 1);
    row->second = host.error != EINVAL || !host.log.empty();
  }
  return row->second;
}

class Fuzz {
 public:
  Fuzz(const std::vector<FuzzCase>& cases, std::span<const support::Fd> maps, std::span<const support::Fd> lowered_maps,
       const FuzzOptions& options)
      : cases_(cases), maps_(maps), lowered_maps_(lowered_maps), options_(options) {}

  void one(u64 seed) {
    std::mt19937_64 random(seed);
    const FuzzCase& from = cases_[random() % cases_.size()];
    bpf::ProgSource program = from.source;
    support::mutate(program, cases_[random() % cases_.size()].source, random);
    lower(program, random);
    if (!from_hook(program.type)) program.attach_btf_id = 0;
    forget_unused_maps(program);
    const auto ours = bpf::verifier::verify(program, {.kernel = options_.kernel});
    ++done_;
    if (ours.unsupported) {
      ++unsupported_;
      ++unknown_[cause(ours.reason)];
      return;
    }
    // A million instructions take the host seconds, and their verdict is that of a budget.
    if (ours.stats.verified_insns > 200000) return;
    if (!program.caps.bpf && support::host_closed_to_unprivileged()) {
      ++unjudged_;
      return;
    }
    const auto& maps = program.caps.perfmon ? maps_ : lowered_maps_;
    const auto host = support::host_load(program, maps);
    accepted_ += host.accepted();
    if (!ours.accepted()) sentences_.insert(cause(ours.reason));
    // Functions and security hooks cannot be attached to on every machine: then no verdict is given, nor a log.
    if (host.error == EPERM && from_hook(program.type)) {
      ++unjudged_;
      return;
    }
    if (host.error == EINVAL && !host_knows(program.type)) {
      ++unjudged_;
      return;
    }
    // EFAULT is how Linux says that it met a bug of its own.
    if (host.error == EFAULT && ours.error != EFAULT) {
      ++confused_;
      return;
    }
    if (ours.accepted() == host.accepted()) {
      if (ours.error != host.error)
        note("errno " + std::to_string(ours.error) + ", host " + std::to_string(host.error) + ": " + cause(ours.reason),
             seed, from, program);
      return;
    }
    unsound_ += ours.accepted();
    strict_ += !ours.accepted();
    const auto told = support::host_load(program, maps, bpf::BPF_LOG_LEVEL2);
    note(ours.accepted() ? "ACCEPTED, host refuses: " + cause(host_sentence(told.log))
                         : "refused, host accepts: " + cause(ours.reason),
         seed, from, program);
  }

  bool report() const {
    std::printf(
        "%llu programs: host accepts %llu (%.1f %%), accepted against the host %llu, refused against it %llu, "
        "host confused %llu, not judged by it %llu, unsupported %llu, %zu different sentences of refusal\n",
        ull(done_), ull(accepted_), 100.0 * double(accepted_) / double(done_ ? done_ : 1), ull(unsound_), ull(strict_),
        ull(confused_), ull(unjudged_), ull(unsupported_), sentences_.size());
    for (const auto& [what, n] : unknown_) std::printf("  %6llu  unsupported: %s\n", ull(n), what.c_str());
    for (const auto& [what, seen] : causes_)
      std::printf("  %6llu  %s (seed %llu)\n", ull(seen.first), what.c_str(), ull(seen.second));
    return unsound_ == 0 && strict_ * 100 <= done_;
  }

 private:
  static unsigned long long ull(u64 v) { return v; }

  void note(const string& what, u64 seed, const FuzzCase& from, const bpf::ProgSource& program) {
    auto& [n, example] = causes_[what];
    if (n++ != 0) return;
    example = seed;
    std::printf("--- seed %llu, from '%s', type %u, flags %u, CAP_BPF %d, CAP_PERFMON %d: %s\n", ull(seed),
                from.name.c_str(), unsigned{program.type}, program.prog_flags, program.caps.bpf, program.caps.perfmon,
                what.c_str());
    print_program(program);
    std::fflush(stdout);
  }

  const std::vector<FuzzCase>& cases_;
  const std::span<const support::Fd> maps_;
  const std::span<const support::Fd> lowered_maps_;
  const FuzzOptions& options_;
  u64 done_ = 0, accepted_ = 0, unsound_ = 0, strict_ = 0, confused_ = 0, unjudged_ = 0, unsupported_ = 0;
  std::map<string, std::pair<u64, u64>> causes_;
  std::map<string, u64> unknown_;
  std::set<string> sentences_;
};

}  // namespace

bool fuzz_cases(const std::vector<FuzzCase>& cases, std::span<const support::Fd> maps,
                std::span<const support::Fd> lowered_maps, const FuzzOptions& options) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
  Fuzz fuzz(cases, maps, lowered_maps, options);
  const auto begin = std::chrono::steady_clock::now();
  for (u64 k = 0; k < options.count; ++k) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() > options.seconds) break;
    fuzz.one(options.seed + k);
  }
  return fuzz.report();
}
