// SPDX-License-Identifier: Apache-2.0
#include "dataplane/program.h"

#include <rte_cycles.h>

#include <algorithm>

#include "bpf/abi/context.h"
#include "bpf/registry/helper.h"

namespace dataplane {
namespace {

bool takes_context(const bpf::HelperProto& helper) {
  return std::any_of(std::begin(helper.args), std::end(helper.args),
                     [](bpf::Arg arg) { return arg == bpf::Arg::PTR_TO_CTX || arg == bpf::Arg::PTR_TO_CTX_OR_NULL; });
}

// Helpers that take the context, but look at data and data_end only.
bool reads_inner_borders_only(base::s32 id) {
  return id == bpf::BPF_FUNC_xdp_get_buff_len || id == bpf::BPF_FUNC_xdp_load_bytes ||
         id == bpf::BPF_FUNC_xdp_store_bytes;
}

bool call_moves_borders(const bpf::bpf_insn& insn) {
  if (insn.src_reg == bpf::BPF_PSEUDO_CALL) return false;  // its instructions are in the same list
  if (insn.src_reg != 0) return true;
  const bpf::HelperProto* helper = bpf::find_helper(u32(insn.imm));
  if (!helper || !helper->runnable) return true;
  return takes_context(*helper) && !reads_inner_borders_only(insn.imm);
}

bool may_load_data_meta(const bpf::bpf_insn& insn) {
  constexpr base::u8 kSizeMask = 0x18, kClassMask = 0x07;
  return (insn.code & kClassMask) == bpf::BPF_LDX && (insn.code & kSizeMask) == bpf::BPF_W &&
         insn.off == offsetof(bpf::xdp_md, data_meta);
}

}  // namespace

bool moves_borders(std::span<const bpf::bpf_insn> insns) {
  constexpr base::u8 kCall = bpf::BPF_JMP | bpf::BPF_CALL;
  return std::any_of(insns.begin(), insns.end(), [](const bpf::bpf_insn& insn) {
    return insn.code == kCall || insn.code == (kCall | bpf::BPF_X) ? call_moves_borders(insn)
                                                                   : may_load_data_meta(insn);
  });
}

ProgramStats AttachedProgram::stats() const noexcept {
  ProgramStats sum;
  u64 cycles = 0;
  for (const Slot& slot : slots_) {
    sum.run_cnt += slot.run_cnt.load(std::memory_order_relaxed);
    cycles += slot.run_cycles.load(std::memory_order_relaxed);
  }
  sum.run_time_ns = u64(__uint128_t(cycles) * 1000000000 / rte_get_tsc_hz());
  return sum;
}

}  // namespace dataplane
