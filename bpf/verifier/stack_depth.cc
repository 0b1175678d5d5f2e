// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/stack_depth.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "bpf/registry/helper.h"
#include "bpf/verifier/state.h"

namespace bpf::verifier {
namespace {

// Linux with its JIT rounds a frame to 16 bytes when it adds frames up.
constexpr u32 kFrameAlign = 16;
// A tail call keeps the frames below it for up to 33 programs: those must be small.
constexpr u32 kTailCallStackMax = 256;

// Programs that run on others' stacks get stacks of their own for frames that are not small (Linux's private
// stacks), unless a tail call keeps frames alive. Frames on such a stack do not add up.
constexpr u32 kOwnStackMin = 64;

bool has_own_stacks(const ProgSource& source, const Cfg& cfg) {
  for (const Subprog& s : cfg.subprogs)
    if (s.has_tail_call) return false;
  return source.type == BPF_PROG_TYPE_KPROBE || source.type == BPF_PROG_TYPE_TRACEPOINT ||
         source.type == BPF_PROG_TYPE_PERF_EVENT || source.type == BPF_PROG_TYPE_RAW_TRACEPOINT;
}

u32 frame_bytes(const Subprog& s) {
  return (s.stack + kFrameAlign - 1) / kFrameAlign * kFrameAlign;
}

struct Edge {
  u32 at;
  u32 callee;
  bool is_call;  // else its address is taken
};

std::vector<std::vector<Edge>> call_graph(const ProgSource& source, const Cfg& cfg) {
  std::vector<std::vector<Edge>> graph(cfg.subprogs.size());
  for (u32 s = 0; s < cfg.subprogs.size(); ++s)
    for (u32 i = cfg.subprogs[s].begin; i < cfg.subprogs[s].end; ++i) {
      const bpf_insn& insn = source.insns[i];
      if (!cfg.second_slot[i] && (is_subprog_call(insn) || is_func_address(insn)))
        graph[s].push_back({i, *cfg.subprog_at(static_cast<u32>(s64{i} + 1 + insn.imm)), is_subprog_call(insn)});
    }
  return graph;
}

class DepthCheck {
 public:
  DepthCheck(const ProgSource& source, const Cfg& cfg)
      : cfg_(cfg),
        graph_(call_graph(source, cfg)),
        shares_(cfg.subprogs.size(), false),
        best_(cfg.subprogs.size(), -1),
        own_stacks_(has_own_stacks(source, cfg)) {}

  // What runs asynchronously is entered on the common stack, and may interrupt the program itself: whatever it calls
  // has no stack of its own.
  std::optional<Problem> run() {
    const bool own = std::exchange(own_stacks_, false);
    for (u32 s = static_cast<u32>(cfg_.subprogs.size()); s-- > 1;)
      if (cfg_.subprogs[s].is_async || cfg_.subprogs[s].is_exception_callback) enter(s, 0, 1);
    std::fill(best_.begin(), best_.end(), -1);
    own_stacks_ = own;
    enter(0, 0, 1);
    return problem_;
  }

 private:
  void fail(int error, u32 at, std::string log) {
    if (!problem_) problem_ = Problem{.error = error, .insn = at, .log = std::move(log)};
  }

  // A subprogram entered before at least as deep, in bytes and in frames, needs no second look.
  void enter(u32 s, u32 below, u32 frames) {
    const Subprog& sub = cfg_.subprogs[s];
    if (problem_) return;
    if (s != 0 && sub.has_tail_call && below >= kTailCallStackMax)
      return fail(
          EACCES, sub.begin,
          format("tail_calls are not allowed when call stack of previous frames is %u bytes. Too large\n", below));
    const bool own = own_stacks_ && !shares_[s] && frame_bytes(sub) >= kOwnStackMin;
    if (!own_stacks_) shares_[s] = true;
    const u32 depth = own ? below : below + frame_bytes(sub);
    if (own && frame_bytes(sub) > MAX_BPF_STACK)
      return fail(EACCES, sub.begin, format("stack size of subprog %u is %u. Too large\n", s, frame_bytes(sub)));
    if (depth > MAX_BPF_STACK)
      return fail(EACCES, sub.begin, format("combined stack size of %u calls is %u. Too large\n", frames, depth));
    if (frames > kFramesMax)
      return fail(E2BIG, sub.begin, format("the call stack of %u frames is too deep !\n", kFramesMax));
    const s64 seen = s64{depth} * 16 + frames;
    if (best_[s] >= seen && best_[s] % 16 >= frames) return;
    best_[s] = seen;
    in_callback_ += sub.ran_as_callback || sub.is_exception_callback;
    if (in_callback_ != 0 && sub.throws_at)
      return fail(EINVAL, *sub.throws_at,
                  format("bpf_throw kfunc (insn %u) cannot be called from callback subprog %u\n", *sub.throws_at, s));
    for (const Edge& e : graph_[s])
      if (e.is_call && cfg_.subprogs[e.callee].is_exception_callback)
        return fail(EINVAL, e.at, format("insn %u cannot call exception cb directly\n", e.at));
    for (const Edge& e : graph_[s])
      if (e.is_call || !cfg_.subprogs[e.callee].is_async) enter(e.callee, depth, frames + 1);
    in_callback_ -= sub.ran_as_callback || sub.is_exception_callback;
  }

  const Cfg& cfg_;
  const std::vector<std::vector<Edge>> graph_;
  std::vector<bool> shares_;  // runs on the common stack in some chain
  std::vector<s64> best_;     // depth * 16 + frames of the deepest entry
  u32 in_callback_ = 0;       // frames on the way here that a helper entered
  bool own_stacks_;
  std::optional<Problem> problem_;
};

}  // namespace

void find_packet_changers(const ProgSource& source, Cfg& cfg) {
  const auto graph = call_graph(source, cfg);
  for (Subprog& s : cfg.subprogs) {
    s.changes_packet |= s.has_tail_call;  // the program called in its place may
    for (u32 i = s.begin; i < s.end; ++i) {
      const bpf_insn& insn = source.insns[i];
      if (cfg.second_slot[i] || !is_call(insn) || insn.src_reg != 0) continue;
      const HelperProto* helper = find_helper(static_cast<u32>(insn.imm), source.type);
      s.changes_packet |= helper != nullptr && helper->changes_packet;
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (u32 s = 0; s < graph.size(); ++s)
      for (const Edge& e : graph[s])
        if (cfg.subprogs[e.callee].changes_packet && !cfg.subprogs[s].changes_packet)
          changed = cfg.subprogs[s].changes_packet = true;
  }
}

std::optional<Problem> check_stack_depth(const ProgSource& source, const Cfg& cfg) {
  return DepthCheck(source, cfg).run();
}

}  // namespace bpf::verifier
