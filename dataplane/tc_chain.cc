// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tc_chain.h"

#include <rte_cycles.h>

#include "bpf/abi/host/sk_buff.h"
#include "bpf/runtime/runtime.h"

namespace dataplane {
namespace {

using base::s32;

enum class Step : base::u8 { pass, drop, consume, redirect, next, leave };
static_assert(base::u8(Step::redirect) == base::u8(TcOutcome::redirect) && base::u8(Step::next) == kTcOutcomeCount);

constexpr s32 kFirst = -1, kLast = 8;
using Steps = std::array<Step, kLast - kFirst + 2>;  // by answer; the last row is every other answer

constexpr Steps kTcx = [] {
  Steps steps{};
#define TC_VERDICT(name, number, tcx, clsact) steps[number - kFirst] = Step::tcx;
#define TC_VERDICT_OTHER(tcx, clsact) steps.back() = Step::tcx;
#include "dataplane/tc_verdicts.def"
  return steps;
}();
constexpr Steps kClsact = [] {
  Steps steps{};
#define TC_VERDICT(name, number, tcx, clsact) steps[number - kFirst] = Step::clsact;
#define TC_VERDICT_OTHER(tcx, clsact) steps.back() = Step::clsact;
#include "dataplane/tc_verdicts.def"
  return steps;
}();

constexpr Step step_of(const Steps& steps, u32 answer) noexcept {
  const u32 row = answer - u32(kFirst);
  return steps[row < steps.size() - 1 ? row : steps.size() - 1];
}
static_assert(step_of(kTcx, u32(-1)) == Step::next && step_of(kTcx, 9) == Step::leave);
static_assert(step_of(kClsact, u32(-2)) == Step::next && step_of(kClsact, 8) == Step::consume);

u32 run(const TcChain::Program& program, sk_buff& skb, bpf_env& env, bool take_run_time) noexcept {
  RunCounters::Slot& slot = *program.slot;
  bpf_env_begin(&env);
  const u64 begin = take_run_time ? rte_rdtsc() : 0;
  const u32 answer = u32(bpf_prog_run(program.prog)(&skb, &env, program.prog));
  if (take_run_time)
    slot.run_cycles.store(slot.run_cycles.load(std::memory_order_relaxed) + rte_rdtsc() - begin,
                          std::memory_order_relaxed);
  slot.run_cnt.store(slot.run_cnt.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  return answer;
}

}  // namespace

TcChain make_tc_chain(const TcPrograms& programs, u32 worker) {
  TcChain chain;
  for (const auto* list : {&programs.tcx, &programs.clsact})
    for (const auto& program : *list) chain.programs.push_back({program->prog(), &program->slot(worker)});
  chain.tcx_count = u32(programs.tcx.size());
  return chain;
}

TcOutcome run_tc_chain(const TcChain& chain, sk_buff& skb, bpf_env& env, bool take_run_time) noexcept {
  const u32 count = u32(chain.programs.size());
  for (u32 i = 0; i < count;) {
    const bool is_tcx = i < chain.tcx_count;
    if (!is_tcx) skb.tc_classid = 0;  // each filter starts with its own class, and there are none
    const Step step = step_of(is_tcx ? kTcx : kClsact, run(chain.programs[i], skb, env, take_run_time));
    i = step == Step::leave ? chain.tcx_count : i + 1;
    if (step >= Step::next) continue;
    if (step == Step::pass) skb.tc_index = skb.tc_classid;
    return TcOutcome(step);
  }
  return TcOutcome::pass;
}

}  // namespace dataplane
