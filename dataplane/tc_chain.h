// SPDX-License-Identifier: Apache-2.0
// tc_chain.h — the programs of one port and direction that see a struct sk_buff, and how their answers are taken.
//
// Shape     tcx programs in their order, then clsact's (direct action) in theirs. tc_verdicts.def says what an answer
//           means. Behind the last program a frame passes.
// Threads   built on the control thread, read by one worker.
// Cost      per program one indirect call and two counter stores.
// Source    asked of Linux 6.18 with a pair of veth devices; docs.kernel.org/networking, tc-bpf(8).
#pragma once

#include <array>
#include <memory>
#include <vector>

#include "base/types.h"
#include "dataplane/program.h"

struct sk_buff;

namespace dataplane {

enum class TcDirection : base::u8 { ingress, egress };
inline constexpr std::size_t kTcDirections = 2;

// What attach calls hand over, in order of running.
struct TcPrograms {
  std::vector<std::shared_ptr<const AttachedProgram>> tcx;
  std::vector<std::shared_ptr<const AttachedProgram>> clsact;

  bool empty() const noexcept { return tcx.empty() && clsact.empty(); }
};
inline constexpr std::size_t kTcProgramsMax = 64;  // on tcx, and on clsact: BPF_MPROG_MAX

// How a hook ends for a frame; counted per port and direction.
enum class TcOutcome : base::u8 { pass, drop, consume, redirect };
inline constexpr std::size_t kTcOutcomeCount = 4;
inline constexpr std::array<std::string_view, kTcOutcomeCount> kTcOutcomeNames = {"pass", "drop", "consumed",
                                                                                  "redirect"};

// TcPrograms as one worker runs them.
struct TcChain {
  struct Program {
    const bpf_prog* prog;
    RunCounters::Slot* slot;  // of the worker
  };
  std::vector<Program> programs;
  u32 tcx_count = 0;  // the first of `programs`

  bool empty() const noexcept { return programs.empty(); }
};

TcChain make_tc_chain(const TcPrograms& programs, u32 worker);

// REQUIRES: `env` is the worker's. Behind it env.redirect is what the last program noted.
TcOutcome run_tc_chain(const TcChain& chain, sk_buff& skb, bpf_env& env, bool take_run_time) noexcept;

}  // namespace dataplane
