// SPDX-License-Identifier: Apache-2.0
// walk.cc — the loop over paths, the branches still to be taken, and access to registers.
#include "bpf/verifier/walk.h"

#include <algorithm>

#include "bpf/abi/flags.h"

namespace bpf::verifier {
namespace {

constexpr u32 kBranchesMax = 8192;  // Linux's BPF_COMPLEXITY_LIMIT_JMP_SEQ

}  // namespace

Walk::Walk(const ProgSource& source, const ProgSpec& spec, Cfg& cfg, ProgramBtf& btf, u32 log_level, std::string& log)
    : source_(source),
      spec_(spec),
      attach_(source.expected_attach_type == 0 ? spec.default_attach : source.expected_attach_type),
      cfg_(cfg),
      btf_(btf),
      log_level_(log_level),
      log_(log),
      explored_(source.insns.size()),
      facts_(source.insns.size()),
      masks_(source.caps.perfmon ? 0 : source.insns.size()),
      mixed_memory_(source.insns.size(), false) {
  for (u32 i = 0; i < source.insns.size(); ++i)
    if (!cfg.second_slot[i] && (is_iterator_next(source.insns[i]) || adds_to_tree(source.insns[i])))
      cfg.prune_point[i] = true;
}

std::vector<InsnFact> Walk::take_facts() {
  for (std::size_t i = 0; i < facts_.size(); ++i)
    if (mixed_memory_[i]) facts_[i].mem = MemKind::none;
  return std::move(facts_);
}

VerifyStats Walk::stats() const {
  return {.verified_insns = processed_, .peak_states = states_peak_, .total_states = states_total_, .verify_ns = 0};
}

bool Walk::refuse(int error, std::string log, std::string advice) {
  problem_ = Problem{.error = error, .insn = at_, .log = std::move(log), .advice = std::move(advice)};
  return false;
}

bool Walk::refuse_unsupported(std::string what) {
  problem_ = Problem{.error = EOPNOTSUPP, .unsupported = true, .insn = at_, .log = what + "\n", .reason = what};
  return false;
}

bool Walk::run(u32 subprog) {
  const std::size_t log_before = log_.size();
  walked_subprog_ = subprog;
  pending_.clear();
  for (auto& list : explored_) list.clear();
  checkpoints_.clear();
  precision_ = Precision();
  id_count_ = 0;
  states_now_ = 0;
  if (!set_up_entry(subprog)) return false;
  for (;;) {
    if (++processed_ > BPF_COMPLEXITY_LIMIT_INSNS)
      return refuse(E2BIG, format("BPF program is too large. Processed %u insn\n", processed_),
                    "Bound loops more tightly or split the program.");
    bool path_ends = false;
    if (cfg_.prune_point[at_]) {
      bool refused = false;
      if (visit(&refused, &path_ends); refused) return false;
      if (path_ends) log_pruned();
    }
    if (!path_ends) {
      log_instruction();
      if (!cur_.speculative) facts_[at_].reached = true;
      next_ = at_ + (insn_is_ld_imm64(insn()) ? 2 : 1);
      if (!may_go_on_speculating()) {
        path_ends = true;
      } else if (step(&path_ends)) {
        log_effects();
        path_ends |= is_fenced_behind();
      } else if (!stop_speculating()) {
        return false;
      } else {
        path_ends = true;
      }
    }
    prev_ = at_;
    at_ = next_;
    if (!path_ends) continue;
    close_path(cur_.parent);
    if (pop_branch()) continue;
    if ((log_level_ & BPF_LOG_LEVEL2) == 0) log_.resize(log_before);
    return true;
  }
}

bool Walk::step(bool* path_ends) {
  const bpf_insn& i = insn();
  switch (insn_class(i.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      return step_alu(i);
    case BPF_LDX:
      return step_load(i);
    case BPF_ST:
    case BPF_STX:
      return insn_mode(i.code) == BPF_ATOMIC ? step_atomic(i) : step_store(i);
    case BPF_JMP:
    case BPF_JMP32:
      return step_jump(i, path_ends);
    default:
      if (insn_is_ld_imm64(i)) return step_wide_immediate(i);
      return step_legacy_load(i);
  }
}

bool Walk::step_wide_immediate(const bpf_insn& i) {
  if (i.off != 0) return refuse(EINVAL, "BPF_LD_IMM64 uses reserved fields\n");
  if (!check_writable(i.dst_reg)) return false;
  const u32 low = static_cast<u32>(i.imm), high = static_cast<u32>(source_.insns[at_ + 1].imm);
  switch (i.src_reg) {
    case 0:
      set(i.dst_reg, Reg::constant(low | u64{high} << 32));
      return true;
    case BPF_PSEUDO_MAP_FD:
      set(i.dst_reg, Reg::pointer(Kind::map_ptr, low));
      return true;
    case BPF_PSEUDO_MAP_VALUE: {
      if (map_facts(low).type == BPF_MAP_TYPE_ARENA) {  // an address as user space sees it
        set(i.dst_reg, Reg::unknown());
        return true;
      }
      Reg r = Reg::pointer(Kind::map_value, low);
      r.off = static_cast<s32>(high);
      set(i.dst_reg, r);
      return true;
    }
    case BPF_PSEUDO_BTF_ID:
      return load_kernel_symbol(i);
    case BPF_PSEUDO_FUNC: {
      const auto target = cfg_.subprog_at(static_cast<u32>(s64{at_} + 1 + i.imm));
      if (btf_.subprogs.empty()) return refuse(EINVAL, "missing btf func_info\n");
      if (btf_.subprogs[*target].is_global) return refuse(EINVAL, "callback function not static\n");
      set(i.dst_reg, Reg::pointer(Kind::func, *target));
      return true;
    }
    default:
      return refuse(EINVAL, "unrecognized bpf_ld_imm64 insn\n");
  }
}

void Walk::push_branch(State state, u32 to) {
  if (state.parent != nullptr) ++state.parent->branches;
  pending_.push_back({std::move(state), at_, to, log_.size()});
}

bool Walk::branches_within_limit() {
  if (pending_.size() <= kBranchesMax) return true;
  return refuse(is_may_goto(insn()) ? ENOMEM : EFAULT,
                format("The sequence of %zu jumps is too complex.\n", pending_.size()));
}

// One path that came through these checkpoints has ended.
void Walk::close_path(Checkpoint* parent) {
  for (; parent != nullptr; parent = parent->parent)
    if (--parent->branches != 0) return;
}

bool Walk::pop_branch() {
  if (pending_.empty()) return false;
  Pending& top = pending_.back();
  cur_ = std::move(top.state);
  prev_ = top.from;
  at_ = top.to;
  if ((log_level_ & BPF_LOG_LEVEL2) == 0) log_.resize(top.log_size);
  pending_.pop_back();
  print_whole_ = came_from_ = true;
  returned_ = false;
  return true;
}

bool Walk::check_reg_number(u32 r) {
  return r < MAX_BPF_REG || refuse(EINVAL, format("R%u is invalid\n", r));
}

bool Walk::check_readable(u32 r) {
  if (!check_reg_number(r)) return false;
  touched_regs_ |= 1U << r;
  if (r != BPF_REG_10 && reg(r).kind == Kind::none)
    return refuse(EACCES, format("R%u !read_ok\n", r),
                  format("Give r%u a value on every path to here; calls lose r1 to r5.", r));
  return true;
}

bool Walk::check_writable(u32 r) {
  if (!check_reg_number(r)) return false;
  if (r == BPF_REG_10) return refuse(EACCES, "frame pointer is read only\n");
  return true;
}

void Walk::set(u32 r, const Reg& value) {
  touched_regs_ |= 1U << r;
  reg(r) = value;
}

void Walk::give_id(Reg& r) {
  if (!r.is_scalar()) return;
  if (r.linked != 0) r.unlink();  // one constant away from its number: a copy of it begins a number of its own
  if (r.id == 0 && !r.var.is_const()) r.id = new_id();
}

}  // namespace bpf::verifier
