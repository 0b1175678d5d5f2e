// SPDX-License-Identifier: Apache-2.0
// sluice verify: a verdict for each program of an object.
#include <cstdio>

#include "bpf/registry/registry.h"
#include "control/load_object.h"
#include "control/offline/verbs.h"

namespace control::offline {
namespace {

using json = nlohmann::ordered_json;

constexpr std::size_t kLogTailBytes = 2048;

// Whole lines from the end of the log.
std::string log_tail(const std::string& log) {
  if (log.size() <= kLogTailBytes) return log;
  const auto begin = log.find('\n', log.size() - kLogTailBytes);
  return begin == log.npos ? log.substr(log.size() - kLogTailBytes) : log.substr(begin + 1);
}

std::string_view type_name(u32 type) { return type < bpf::kProgTypes.size() ? bpf::kProgTypes[type].name : "unknown"; }

// Refused because we do not know something, not because it is wrong.
bool is_unsupported(const Judgement& j) {
  if (j.error == 0) return false;
  return j.report.judged ? j.report.verdict.unsupported : j.error == EOPNOTSUPP;
}

json to_json(const Judgement& j) {
  const bpf::VerifyStats& stats = j.report.verdict.stats;
  return {{"name", j.name},
          {"section", j.section},
          {"type", type_name(j.type)},
          {"accepted", j.error == 0},
          {"errno", j.error},
          {"unsupported", is_unsupported(j)},
          {"insns", j.report.insns ? j.report.insns : j.insns},
          {"verified_insns", stats.verified_insns},
          {"states", stats.total_states},
          {"verify_us", stats.verify_ns / 1000},
          {"jit_us", j.report.jit_ns / 1000},
          {"reason", j.sentence},
          {"log_tail", log_tail(j.report.verdict.log)}};
}

void print_text(const Arguments& arguments, const Judgement& j) {
  const bpf::VerifyStats& stats = j.report.verdict.stats;
  if (j.error == 0) {
    std::printf("accepted  %-24s %-16s %6u insns  %8u verified  %6u states  verify %.1f ms  jit %.1f ms\n",
                j.name.c_str(), j.section.c_str(), j.report.insns, stats.verified_insns, stats.total_states,
                double(stats.verify_ns) / 1e6, double(j.report.jit_ns) / 1e6);
    if (arguments.verbose) std::printf("%s", j.report.verdict.log.c_str());
    return;
  }
  std::printf("%-9s %-24s %-16s %s\n", is_unsupported(j) ? "unknown" : "refused", j.name.c_str(), j.section.c_str(),
              j.sentence.c_str());
  const std::string log = arguments.verbose ? j.report.verdict.log : log_tail(j.report.verdict.log);
  if (!log.empty()) std::printf("%s%s", log.c_str(), log.ends_with('\n') ? "" : "\n");
}

}  // namespace

int verify(const Arguments& arguments) {
  DoorConfig config;
  config.verdicts_only = true;
  config.unprivileged_load = true;
  Door door{std::move(config)};
  LoadRequest request;
  request.path = arguments.object;
  request.vmlinux_btf = arguments.btf;
  request.caps = arguments.caps;
  if (!arguments.prog.empty()) request.programs = {arguments.prog};
  // Without a level libbpf asks again for the log of what was refused, which is all that is shown.
  request.log_level = arguments.verbose ? 2 : 0;
  auto judged = judge_object(door, request);
  if (!judged) return fail(arguments, judged.error(), 2);
  bool all = true;
  json rows = json::array();
  for (const Judgement& j : *judged) {
    all &= j.error == 0;
    if (arguments.json) rows.push_back(to_json(j));
    else print_text(arguments, j);
  }
  if (arguments.json) print_json(arguments, rows);
  return all ? 0 : 1;
}

}  // namespace control::offline
