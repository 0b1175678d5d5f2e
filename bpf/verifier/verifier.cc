// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/verifier.h"

#include <algorithm>
#include <chrono>

#include "bpf/abi/flags.h"
#include "bpf/registry/registry.h"
#include "bpf/verifier/capability.h"
#include "bpf/verifier/exception.h"
#include "bpf/verifier/print.h"
#include "bpf/verifier/stack_depth.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr std::size_t kInsnsMax = 1000000;
constexpr u32 kKnownFlags = BPF_F_STRICT_ALIGNMENT | BPF_F_ANY_ALIGNMENT | BPF_F_TEST_RND_HI32 | BPF_F_SLEEPABLE |
                            BPF_F_TEST_STATE_FREQ | BPF_F_XDP_HAS_FRAGS | BPF_F_TEST_REG_INVARIANTS;

Problem unsupported(std::string what) {
  return Problem{.error = EOPNOTSUPP, .unsupported = true, .log = what + "\n", .reason = std::move(what)};
}

// The last line that is not empty, as a sentence.
std::string last_line(const std::string& log) {
  std::size_t end = log.size();
  while (end > 0 && log[end - 1] == '\n') --end;
  const std::size_t begin = end == 0 ? std::string::npos : log.rfind('\n', end - 1);
  return log.substr(begin == std::string::npos ? 0 : begin + 1, end - (begin == std::string::npos ? 0 : begin + 1));
}

class Run {
 public:
  Run(const ProgSource& source, const Options& options, Verdict& verdict)
      : source_(source), options_(options), out_(verdict) {}

  void run() {
    if (auto problem = check_capabilities(source_)) return refuse(*problem);
    if (auto problem = check_request()) return refuse(*problem);
    if (auto problem = find_kernel_types()) return refuse(*problem);
    if (auto problem = find_exception_callback(source_, cfg_)) return refuse(*problem);
    auto shape = build_cfg(source_, cfg_);
    if (options_.log_level & BPF_LOG_LEVEL2)
      for (u32 s = 0; s < cfg_.subprogs.size(); ++s) out_.log += format("func#%u @%u\n", s, cfg_.subprogs[s].begin);
    if (shape) return refuse(*shape);
    btf_.read_kernel = options_.kernel;
    if (auto problem = parse_program_btf(source_, **spec_, cfg_, btf_)) return refuse(*problem);
    if (btf_.types)
      if (auto sound = check_program_structs(*btf_.types, [this] { return kernel_types(); }); !sound)
        return refuse(Problem{.error = sound.error().code(), .log = sound.error().what() + "\n"});
    for (SubprogBtf& s : btf_.subprogs)
      find_kernel_structs(*btf_.types, [this] { return kernel_types(); }, s.signature);
    find_throws(source_, btf_, cfg_);
    if (auto problem = btf_.maps.make(source_, [this] { return kernel_types(); })) return refuse(*problem);
    if (auto problem = check_maps_of_program(source_, btf_.maps)) return refuse(*problem);
    if (auto problem = check_direct_values()) return refuse(*problem);
    for (Subprog& s : cfg_.subprogs) s.changes_packet |= calls_packet_mover(s);
    find_packet_changers(source_, cfg_);
    if (options_.log_level & BPF_LOG_LEVEL2) out_.log += live_registers_text(source_, cfg_);
    walk();
  }

 private:
  std::optional<Problem> check_request() {
    auto spec = find_prog_spec(source_.type);
    if (!spec) {
      if (spec.error().code() == EOPNOTSUPP) return unsupported(spec.error().what());
      return Problem{.error = spec.error().code(), .log = spec.error().what() + "\n"};
    }
    spec_ = *spec;
    if (source_.attach_btf_id != 0 && !has_attach_target(source_.type))
      return Problem{.error = EINVAL, .log = "attach_btf_id does not belong to this program type\n"};
    const auto& expected = (*spec_)->expected_attach_types;
    if (!expected.empty() && std::ranges::find(expected, source_.expected_attach_type) == expected.end())
      return Problem{.error = EINVAL,
                     .log = format("expected_attach_type %u does not belong to this program type\n",
                                   source_.expected_attach_type)};
    if (source_.insns.empty() || source_.insns.size() > kInsnsMax)
      return Problem{
          .error = E2BIG,
          .log = format("a program has 1 to %zu instructions, this one %zu\n", kInsnsMax, source_.insns.size())};
    const bool sleepable = (source_.prog_flags & BPF_F_SLEEPABLE) != 0;
    if (source_.type == BPF_PROG_TYPE_SYSCALL && !sleepable)
      return Problem{.error = EINVAL, .log = "Syscall programs can only be sleepable\n"};
    if (sleepable && source_.type != BPF_PROG_TYPE_SYSCALL && source_.type != BPF_PROG_TYPE_KPROBE &&
        !has_attach_target(source_.type))
      return Problem{
          .error = EINVAL,
          .log = "Only fentry/fexit/fmod_ret, lsm, iter, uprobe, and struct_ops programs can be sleepable\n"};
    if (source_.prog_flags & BPF_F_XDP_DEV_BOUND_ONLY) return unsupported("device-bound programs are not known yet");
    if (source_.prog_flags & ~kKnownFlags) return Problem{.error = EINVAL, .log = "unknown program flags\n"};
    return std::nullopt;
  }

  const btf::KernelBtf* kernel_types() {
    if (!btf_.kernel && options_.kernel) btf_.kernel = options_.kernel();
    return btf_.kernel.get();
  }

  // Reading them takes longer than most verifications: only for who refers to them.
  std::optional<Problem> find_kernel_types() {
    bool calls = false, symbols = false;
    for (const bpf_insn& i : source_.insns) {
      calls |= is_call(i) && i.src_reg == BPF_PSEUDO_KFUNC_CALL;
      symbols |= insn_is_ld_imm64(i) && i.src_reg == BPF_PSEUDO_BTF_ID;
    }
    if (!source_.caps.bpf) {  // its calls are refused where the shape of the program is judged
      if (symbols && kernel_types() == nullptr)
        return Problem{.error = EINVAL, .log = "the kernel's symbols are not known without its BTF\n"};
      return std::nullopt;
    }
    const bool needed = calls || symbols || has_attach_target(source_.type);
    const bool context = source_.type == BPF_PROG_TYPE_NETFILTER;  // its fields point to kernel structs
    if (!needed && !context) return std::nullopt;
    const btf::KernelBtf* types = kernel_types();
    if (!needed) return std::nullopt;
    if (types == nullptr) return Problem{.error = 524, .log = "calling kernel function is not supported without BTF\n"};
    if (has_attach_target(source_.type))
      if (auto problem = find_attach_target(source_, *types, btf_.target)) return problem;
    return check_kfunc_calls(source_, *btf_.kernel);
  }

  bool calls_packet_mover(const Subprog& s) const {
    for (u32 i = s.begin; i < s.end; ++i) {
      const bpf_insn& insn = source_.insns[i];
      if (is_call(insn) && insn.src_reg == BPF_PSEUDO_KFUNC_CALL &&
          moves_packet(btf_.kernel->types().name(static_cast<u32>(insn.imm))))
        return true;
    }
    return false;
  }

  // A direct address needs a map of one element and lies inside its value.
  std::optional<Problem> check_direct_values() {
    for (u32 i = 0; i < source_.insns.size(); ++i) {
      const bpf_insn& insn = source_.insns[i];
      if (cfg_.second_slot[i] || !insn_is_ld_imm64(insn) || insn.src_reg != BPF_PSEUDO_MAP_VALUE) continue;
      const MapFacts& map = source_.maps[static_cast<u32>(insn.imm)];
      const u32 off = static_cast<u32>(source_.insns[i + 1].imm);
      constexpr u32 kOffsetMax = 1 << 29;
      if (off >= kOffsetMax)
        return Problem{.error = EINVAL, .insn = i, .log = format("direct value offset of %u is not allowed\n", off)};
      const bool array = map.type == BPF_MAP_TYPE_ARRAY;
      if (array && map.max_entries == 1 && off < map.value_size) continue;
      if (map.type == BPF_MAP_TYPE_ARENA) {
        constexpr u64 kPage = 4096;
        if (off <= map.max_entries * kPage) continue;
        return Problem{
            .error = ERANGE,
            .insn = i,
            .log = format("invalid access to map value pointer, value_size=%u off=%u\n", map.value_size, off)};
      }
      const int error = !array ? EINVAL : map.max_entries != 1 ? 524 : EINVAL;  // 524: Linux's ENOTSUPP
      return Problem{
          .error = error,
          .insn = i,
          .log = array ? format("invalid access to map value pointer, value_size=%u off=%u\n", map.value_size, off)
                       : std::string("no direct value access support for this map type\n")};
    }
    return std::nullopt;
  }

  void walk() {
    Walk walk(source_, **spec_, cfg_, btf_, options_.log_level, out_.log);
    std::optional<Problem> problem;
    if (!walk.run(0)) problem = walk.problem();
    // Global functions that a walked call names, until there are no more: others are never entered.
    std::vector<bool> walked(cfg_.subprogs.size(), false);
    for (Subprog& s : cfg_.subprogs) s.called |= s.is_exception_callback;
    for (bool more = true; more && !problem;) {
      more = false;
      for (u32 s = 1; s < cfg_.subprogs.size() && !problem; ++s) {
        if (!cfg_.subprogs[s].called || walked[s]) continue;
        more = walked[s] = true;
        const std::string& name = btf_.subprogs[s].name;
        const bool tell = (options_.log_level & (BPF_LOG_LEVEL1 | BPF_LOG_LEVEL2)) != 0;
        if (tell) out_.log += format("Validating %s() func#%u...\n", name.c_str(), s);
        if (!walk.run(s)) problem = walk.problem();
        if (tell && !problem)
          out_.log += format("Func#%u ('%s') is safe for any args that match its prototype\n", s, name.c_str());
      }
    }
    if (!problem) problem = check_stack_depth(source_, cfg_);
    out_.stats = walk.stats();
    states_per_insn_max_ = walk.states_per_insn_max();
    if (problem) return refuse(*problem);
    out_.program.facts = walk.take_facts();
    for (const Subprog& s : cfg_.subprogs) {
      constexpr u32 kFrameAlign = 32;
      out_.program.subprogs.push_back({.begin = s.begin,
                                       .end = s.end,
                                       .stack_bytes = (s.stack + kFrameAlign - 1) / kFrameAlign * kFrameAlign,
                                       .is_callback = s.is_callback,
                                       .is_exception_callback = s.is_exception_callback});
    }
    if (options_.log_level != 0) stats_line();
  }

  void stats_line() {
    if ((options_.log_level & BPF_LOG_STATS) != 0) {
      const auto spent = std::chrono::steady_clock::now() - begin_;
      out_.log += format("verification time %lld usec\nstack depth ",
                         static_cast<long long>(std::chrono::duration_cast<std::chrono::microseconds>(spent).count()));
      for (const Subprog& s : cfg_.subprogs) {
        constexpr u32 kSlot = 8;
        out_.log += format(&s == cfg_.subprogs.data() ? "%u" : "+%u", (s.stack + kSlot - 1) / kSlot * kSlot);
      }
      out_.log += "\n";
    }
    out_.log +=
        format("processed %u insns (limit %d) max_states_per_insn %u total_states %u peak_states %u mark_read 0\n",
               out_.stats.verified_insns, BPF_COMPLEXITY_LIMIT_INSNS, states_per_insn_max_, out_.stats.total_states,
               out_.stats.peak_states);
  }

  void refuse(const Problem& problem) {
    out_.error = problem.error;
    out_.unsupported = problem.unsupported;
    out_.insn = problem.insn;
    out_.reason = problem.reason.empty() ? last_line(problem.log) : problem.reason;
    out_.advice = problem.advice;
    out_.log += problem.log;
    if (!out_.log.empty() && out_.log.back() != '\n') out_.log += '\n';
    stats_line();
    u32 record = ~0U;
    const std::string line = btf_.source_line(source_, problem.insn, &record);
    out_.log += format("refused at insn %u: ", problem.insn) + out_.reason + "\n";
    if (!line.empty()) out_.log += line;
    if (!out_.advice.empty()) out_.log += "advice: " + out_.advice + "\n";
  }

  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  const ProgSource& source_;
  const Options& options_;
  Verdict& out_;
  std::optional<const ProgSpec*> spec_;
  Cfg cfg_;
  ProgramBtf btf_;
  u32 states_per_insn_max_ = 0;
};

}  // namespace

Verdict verify(const ProgSource& source, const Options& options) {
  Verdict verdict;
  const auto begin = std::chrono::steady_clock::now();
  Run(source, options, verdict).run();
  const auto spent = std::chrono::steady_clock::now() - begin;
  verdict.stats.verify_ns = static_cast<u64>(std::chrono::duration_cast<std::chrono::nanoseconds>(spent).count());
  return verdict;
}

}  // namespace bpf::verifier
