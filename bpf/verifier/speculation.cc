// SPDX-License-Identifier: Apache-2.0
// speculation.cc — without CAP_PERFMON: where a mispredicting processor would go is walked as well, and pointers move
// only in ways that Linux could mask.
//
// Shape     a branch that is never taken, and a pointer whose variable move is masked away, are pushed as speculative
//           states. What is refused on such a path is fenced off in Linux's translation and ends the path; it refuses
//           no program. Each addition to a pointer has one mask, found at its first visit.
// Source    soundness: speculative paths only add states to the walk. No state that is not speculative is cut by one
//           that is. Nothing here protects against Spectre: engines insert no masks and no fences, so a program of
//           an untrusted user needs more than this verdict.
#include <cstdlib>

#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

enum : u8 { kMaskSource = 1, kMaskDestination = 2, kNegative = 4, kNumber = 8, kConstant = 16 };

}  // namespace

// The way that `decided`, a comparison, never goes. Speculation compared other numbers than the registers hold.
bool Walk::push_speculative(u32 to, const bpf_insn* decided) {
  if (source_.caps.perfmon) return true;
  State state = cur_;
  state.speculative = true;
  if (decided != nullptr) {
    state.frame().regs[decided->dst_reg] = Reg::unknown();
    if (insn_src_is_reg(decided->code)) state.frame().regs[decided->src_reg] = Reg::unknown();
  }
  push_branch(std::move(state), to);
  return branches_within_limit();
}

// A refusal on a speculative path: a fence before the instruction, and the path ends. False: it counts.
bool Walk::stop_speculating() {
  const bool recovers = problem_.error == EPERM || problem_.error == EACCES || problem_.error == EINVAL;
  if (!cur_.speculative || problem_.unsupported || !recovers) return false;
  masks_[at_].fenced = true;
  masks_[at_].how = 0;
  if (log_level_ & BPF_LOG_LEVEL2) log_ += problem_.log;
  problem_ = {};
  return true;
}

bool Walk::is_masked(const bpf_insn& i) const {
  return !source_.caps.perfmon && insn_src_is_reg(i.code) && !masks_[at_].fenced;
}

bool Walk::refuse_masking(const bpf_insn& i, u32 r, const char* text) {
  const std::string what = format(text, insn_op(i.code) == BPF_ADD ? "add" : "sub");
  return refuse(EACCES, format("R%u %s, pointer arithmetic with it prohibited for !root\n", r, what.c_str()));
}

// Numbers are not masked: the same instruction must not move pointers on other paths.
bool Walk::check_number_alu(const bpf_insn& i) {
  if (!is_masked(i)) return true;
  Mask& mask = masks_[at_];
  if (mask.how != 0 && mask.how != kNumber)
    return refuse_masking(i, i.dst_reg, "tried to %s from different maps, paths or scalars");
  mask.how = kNumber;
  return true;
}

// How far the pointer may move. `known`: pointers of its kind are masked at all. False: it is beyond its object.
bool Walk::find_mask_limit(const Reg& p, bool leftwards, u32* limit, bool* known) const {
  *known = true;
  if (p.kind == Kind::stack) {
    *limit = static_cast<u32>(-(p.off + static_cast<s64>(p.var.bits.value)));
    return *limit < u32{MAX_BPF_STACK} + (leftwards ? 1 : 0);
  }
  if (p.kind == Kind::map_value) {
    *limit = static_cast<u32>((leftwards ? static_cast<u64>(p.var.smin) : p.var.umax) + static_cast<u64>(s64{p.off}));
    return *limit < map_facts(p.map).value_size;
  }
  *known = false;
  return false;
}

bool Walk::begin_masking(const bpf_insn& i, const Reg& pointer, const Reg& scalar, bool pointer_is_dst,
                         Masking& masking) {
  if (!is_masked(i)) return true;
  const u32 scalar_reg = pointer_is_dst ? i.src_reg : i.dst_reg, pointer_reg = pointer_is_dst ? i.dst_reg : i.src_reg;
  const bool constant = scalar.var.is_const(), negative = scalar.var.smin < 0;
  if (!cur_.speculative) {
    if (!constant && negative != (scalar.var.smax < 0))
      return refuse_masking(i, scalar_reg, "has unknown scalar with mixed signed bounds");
    masking.leftwards = (insn_op(i.code) == BPF_ADD) == negative;
    bool known = false;
    if (!find_mask_limit(pointer, masking.leftwards, &masking.limit, &known))
      return known ? refuse_masking(i, i.dst_reg, "tried to %s beyond pointer bounds")
                   : refuse_masking(i, pointer_reg, "has pointer with unsupported alu operation");
    masking.how = static_cast<u8>((negative ? kNegative : 0) | (constant ? kConstant : 0) |
                                  (pointer_is_dst ? kMaskSource : kMaskDestination));
    masks_depend_on_numbers_ |= !constant;
  }
  if (constant) return true;
  // The masked number may become 0: the pointer stays where it was.
  const Reg kept = reg(i.dst_reg);
  reg(i.dst_reg) = pointer;
  const bool pushed = push_speculative(next_, nullptr);
  reg(i.dst_reg) = kept;
  return pushed;
}

// The mask is as wide as the pointer was seen to move; every path must come to the same one.
bool Walk::end_masking(const bpf_insn& i, const Reg& moved, const Reg&, Masking& masking) {
  if (!is_masked(i) || cur_.speculative) return true;
  u32 limit = 0;
  bool known = false;
  if (!find_mask_limit(moved, masking.leftwards, &limit, &known))
    return known ? refuse_masking(i, i.dst_reg, "tried to %s beyond pointer bounds")
                 : refuse_masking(i, i.dst_reg, "has pointer with unsupported alu operation");
  const u32 width = static_cast<u32>(std::abs(static_cast<s32>(masking.limit - limit)));
  Mask& mask = masks_[at_];
  if (mask.how != 0 && (mask.how != masking.how || mask.limit != width))
    return refuse_masking(i, i.dst_reg, "tried to %s from different maps, paths or scalars");
  mask.how = masking.how;
  mask.limit = width;
  return true;
}

// A pointer that was moved still points into its object, accessed or not.
bool Walk::check_moved_bounds(u32 r) {
  if (source_.caps.perfmon) return true;
  const Reg& p = reg(r);
  if (p.kind == Kind::stack) {
    const s64 off = p.off + static_cast<s64>(p.var.bits.value);
    if (!p.var.is_const())
      return refuse(EACCES, format("R%u variable stack access prohibited for !root, var_off=%s off=%lld\n", r,
                                   bits_text(p.var.bits).c_str(), static_cast<long long>(off)));
    if (off >= 0 || off < -MAX_BPF_STACK)
      return refuse(EACCES, format("R%u stack pointer arithmetic goes out of range, prohibited for !root; off=%lld\n",
                                   r, static_cast<long long>(off)));
  }
  if (p.kind != Kind::map_value) return true;
  if (check_region(r, p, p.off, 1, map_facts(p.map).value_size, false) && check_value_fields(r, p.off, 1, true))
    return true;
  if (problem_.unsupported) return false;
  return refuse(EACCES, problem_.log + format("R%u pointer arithmetic of map value goes out of range, prohibited for "
                                              "!root\n",
                                              r));
}

// Behind a store that replaces more than plain bytes, or puts a pointer there, no speculation uses what was there.
void Walk::fence_spill(const Slot& slot, u32 first, int bytes, const Reg& value) {
  if (source_.caps.perfmon) return;
  bool fence = value.is_pointer();
  for (u32 k = first; k < first + static_cast<u32>(bytes); ++k)
    fence |= slot.bytes[k] != Byte::misc && slot.bytes[k] != Byte::zero;
  masks_[at_].fenced_behind |= fence;
}

}  // namespace bpf::verifier
