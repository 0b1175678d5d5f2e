// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/cfg.h"

#include <algorithm>

#include "bpf/abi/func_id.h"
#include "bpf/verifier/callback.h"
#include "bpf/verifier/opcodes.h"

namespace bpf::verifier {
namespace {

class Builder {
 public:
  Builder(const ProgSource& source, Cfg& cfg)
      : insns_(source.insns), maps_(source.maps.size()), capable_(source.caps.bpf), cfg_(cfg) {}

  std::optional<Problem> run() {
    const u32 n = count();
    cfg_.prune_point.assign(n, false);
    cfg_.second_slot.assign(n, false);
    for (auto check : {&Builder::find_subprogs, &Builder::check_jumps, &Builder::check_encoding,
                       &Builder::check_back_edges, &Builder::check_reachable})
      if (!(this->*check)()) return problem_;
    mark_prune_points();
    return std::nullopt;
  }

 private:
  u32 count() const { return static_cast<u32>(insns_.size()); }

  bool fail(u32 insn, std::string log, int error = EINVAL) {
    problem_ = Problem{.error = error, .insn = insn, .log = std::move(log)};
    return false;
  }
  bool unsupported(u32 insn, std::string what) {
    problem_ = Problem{.error = EOPNOTSUPP, .unsupported = true, .insn = insn, .log = what + "\n", .reason = what};
    return false;
  }

  bool find_subprogs() {
    std::vector<u32> starts = {0};
    if (cfg_.exception_callback) starts.push_back(*cfg_.exception_callback);
    std::vector<u32> addresses;
    for (u32 i = 0; i < count(); ++i) {
      const bool address = is_func_address(insns_[i]);
      if (address || is_subprog_call(insns_[i])) {
        const s64 target = s64{i} + 1 + insns_[i].imm;
        if (target < 0 || target >= count()) return fail(i, "call to invalid destination\n");
        starts.push_back(static_cast<u32>(target));
        if (address) addresses.push_back(static_cast<u32>(target));
      }
      if (insn_is_ld_imm64(insns_[i])) ++i;
    }
    std::sort(starts.begin(), starts.end());
    starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
    constexpr std::size_t kSubprogsMax = 256;  // Linux's BPF_MAX_SUBPROGS
    if (starts.size() > kSubprogsMax) return fail(0, "too many subprograms\n", E2BIG);
    for (std::size_t k = 0; k < starts.size(); ++k) {
      Subprog s;
      s.begin = starts[k];
      s.end = k + 1 < starts.size() ? starts[k + 1] : count();
      s.is_callback = std::find(addresses.begin(), addresses.end(), s.begin) != addresses.end();
      s.is_exception_callback = cfg_.exception_callback == s.begin;
      cfg_.subprogs.push_back(s);
    }
    return true;
  }

  bool check_jumps() {
    for (Subprog& s : cfg_.subprogs) {
      for (u32 i = s.begin; i < s.end; ++i) {
        const bpf_insn& insn = insns_[i];
        if (is_call(insn) && insn.src_reg == 0 && insn.imm == BPF_FUNC_tail_call) s.has_tail_call = true;
        const u8 mode = insn_mode(insn.code);
        s.has_legacy_load |= insn_class(insn.code) == BPF_LD && (mode == BPF_ABS || mode == BPF_IND);
        if (!is_jump(insn)) continue;
        const s64 target = jump_target(insn, i);
        if (target < s.begin || target >= s.end)
          return fail(i, format("jump out of range from insn %u to %lld\n", i, static_cast<long long>(target)));
      }
      const bpf_insn& last = insns_[s.end - 1];
      if (!is_exit(last) && !is_goto(last)) return fail(s.end - 1, "last insn is not an exit or jmp\n");
    }
    return true;
  }

  bool check_encoding() {
    for (u32 i = 0; i < count(); ++i) {
      const bpf_insn& insn = insns_[i];
      if (insn_class(insn.code) == BPF_LDX &&
          ((insn_mode(insn.code) != BPF_MEM && insn_mode(insn.code) != BPF_MEMSX) || insn.imm != 0))
        return fail(i, "BPF_LDX uses reserved fields\n");
      if (insn_is_ld_imm64(insn)) {
        if (!check_imm64(i)) return false;
        cfg_.second_slot[++i] = true;
      } else if (!is_opcode(insn.code)) {
        return fail(i, format("unknown opcode %02x\n", insn.code));
      }
    }
    return true;
  }

  bool check_imm64(u32 i) {
    if (i + 1 == count()) return fail(i, "invalid bpf_ld_imm64 insn\n");
    const bpf_insn& insn = insns_[i];
    const bpf_insn& next = insns_[i + 1];
    if (next.code != 0 || next.dst_reg != 0 || next.src_reg != 0 || next.off != 0)
      return fail(i, "invalid bpf_ld_imm64 insn\n");
    switch (insn.src_reg) {
      case 0:
      case BPF_PSEUDO_FUNC:
        return true;
      case BPF_PSEUDO_MAP_FD:
        if (next.imm != 0) return fail(i, "unrecognized bpf_ld_imm64 insn\n");
        [[fallthrough]];
      case BPF_PSEUDO_MAP_VALUE:
        if (static_cast<u32>(insn.imm) >= maps_)
          return fail(i, format("fd %d is not pointing to valid bpf_map\n", insn.imm), EBADF);
        return true;
      case BPF_PSEUDO_BTF_ID:
        return next.imm == 0 || unsupported(i, "variables of kernel modules are not known yet");
      default:
        return fail(i, "unrecognized bpf_ld_imm64 insn\n");
    }
  }

  // Where control goes from `i`: on, and elsewhere; -1 for neither.
  std::pair<s64, s64> successors(u32 i) const {
    const bpf_insn& insn = insns_[i];
    if (is_exit(insn)) return {-1, -1};
    const s64 next = s64{i} + (insn_is_ld_imm64(insn) ? 2 : 1);
    const bool enters = is_func_address(insn) || is_subprog_call(insn);
    const s64 target = enters ? s64{i} + 1 + insn.imm : is_jump(insn) ? jump_target(insn, i) : -1;
    return is_goto(insn) ? std::pair(target, s64{-1}) : std::pair(next < count() ? next : -1, target);
  }

  // An unprivileged program has no loops: an edge to an instruction that is still on the way here is one.
  bool check_back_edges() {
    if (capable_) return true;
    enum : u8 { kNew, kOpen, kDone };
    std::vector<u8> state(count(), kNew);
    std::vector<std::pair<u32, u32>> way = {{0, 0}};  // instruction, edges taken
    state[0] = kOpen;
    while (!way.empty()) {
      auto& [at, taken] = way.back();
      const auto [first, second] = successors(at);
      if (taken == 2) {
        state[at] = kDone;
        way.pop_back();
        continue;
      }
      const s64 to = taken++ == 0 ? first : second;
      if (to < 0 || state[static_cast<u32>(to)] == kDone) continue;
      if (state[static_cast<u32>(to)] == kOpen)
        return fail(at, format("back-edge from insn %u to %lld\n", at, static_cast<long long>(to)));
      state[static_cast<u32>(to)] = kOpen;
      way.push_back({static_cast<u32>(to), 0});
    }
    return true;
  }

  // Follows every edge from the entry, calls and callback addresses included.
  bool check_reachable() {
    std::vector<bool> seen(count(), false);
    std::vector<u32> todo = {0};
    seen[0] = true;
    if (cfg_.exception_callback) {
      seen[*cfg_.exception_callback] = true;
      todo.push_back(*cfg_.exception_callback);
    }
    const auto visit = [&](s64 to) {
      if (seen[static_cast<u32>(to)]) return;
      seen[static_cast<u32>(to)] = true;
      todo.push_back(static_cast<u32>(to));
    };
    while (!todo.empty()) {
      const u32 i = todo.back();
      todo.pop_back();
      const bpf_insn& insn = insns_[i];
      if (is_exit(insn)) continue;
      const u32 next = i + (insn_is_ld_imm64(insn) ? 2 : 1);
      if (is_func_address(insn) || is_subprog_call(insn)) visit(s64{i} + 1 + insn.imm);
      if (is_jump(insn)) visit(jump_target(insn, i));
      if (!is_goto(insn)) {
        // The end of a subprogram is an exit or a goto, so `next` is inside it; but the second half of a wide immediate
        // at the very end of the code is not an instruction to go to.
        if (next >= count()) return fail(i, "last insn is not an exit or jmp\n");
        visit(next);
      }
    }
    for (u32 i = 0; i < count(); ++i) {
      if (!seen[i]) return fail(i, format("unreachable insn %u\n", i));
      if (insn_is_ld_imm64(insns_[i])) {
        if (seen[i + 1]) return fail(i, format("jump into the middle of ldimm64 insn %u\n", i));
        ++i;
      }
    }
    return true;
  }

  void mark_prune_points() {
    for (u32 i = 0; i < count(); ++i) {
      const bpf_insn& insn = insns_[i];
      if (is_jump(insn)) {
        cfg_.prune_point[static_cast<u32>(jump_target(insn, i))] = true;
        // Before a decision, not behind both its ways: what joins here has one state to compare, as in Linux.
        if (!is_goto(insn)) cfg_.prune_point[i] = true;
      }
      if (is_subprog_call(insn)) cfg_.prune_point[i + 1] = true;
      if (runs_callback(insn)) cfg_.prune_point[i] = true;
      if (insn_is_ld_imm64(insn)) ++i;
    }
  }

  const std::vector<bpf_insn>& insns_;
  const std::size_t maps_;
  const bool capable_;
  Cfg& cfg_;
  Problem problem_;
};

}  // namespace

u32 Cfg::subprog_of(u32 insn) const {
  const auto behind =
      std::upper_bound(subprogs.begin(), subprogs.end(), insn, [](u32 at, const Subprog& s) { return at < s.begin; });
  return static_cast<u32>(behind - subprogs.begin() - 1);
}

std::optional<u32> Cfg::subprog_at(u32 insn) const {
  const u32 s = subprog_of(insn);
  if (subprogs[s].begin != insn) return std::nullopt;
  return s;
}

std::optional<Problem> build_cfg(const ProgSource& source, Cfg& cfg) {
  if (auto problem = Builder(source, cfg).run()) return problem;
  find_live_registers(source, cfg);
  return std::nullopt;
}

}  // namespace bpf::verifier
