// SPDX-License-Identifier: Apache-2.0
#include "bpf/interp/interp.h"

#include <algorithm>

#include "bpf/interp/machine.h"
#include "bpf/runtime/burst.h"
#include "bpf/runtime/default_host.h"
#include "bpf/runtime/native.h"
#include "bpf/runtime/runtime.h"

namespace bpf::interp {
namespace {

using Code = std::vector<Inst>;

u64 run_from(const Inst* begin, const std::array<u64, 5>& arguments, bpf_env* env) {
  Machine m;
  m.env = env;
  std::ranges::copy(arguments, m.r.begin() + BPF_REG_1);
  open_frame(m);
  m.pc = begin;
  while (m.pc) m.pc->step(m, *m.pc);
  return m.r[0];
}

u64 run_image(void* ctx, bpf_env* env, const bpf_prog* self) {
  return run_from(static_cast<const Code*>(self->engine)->data(), {reinterpret_cast<u64>(ctx)}, env);
}

u64 run_callback(const bpf_callback* self, u64 r1, u64 r2, u64 r3, u64 r4, u64 r5, bpf_env* env) {
  return run_from(static_cast<const Callback*>(self)->begin, {r1, r2, r3, r4, r5}, env);
}

void burst_image(struct xdp_burst* burst, bpf_env* env, const bpf_prog* self) {
  xdp_burst(burst, env, self, run_image, XDP_BURST_REDIRECTS | XDP_BURST_MOVES);
}

// The value behind BPF_PSEUDO_MAP_VALUE: element 0 of an array, whose look-up needs no env.
u64 find_map_value(bpf_map* map) {
  const u32 zero = 0;
  bpf_env env{};
  return reinterpret_cast<u64>(map->runtime->lookup(&env, map, map->shape, &zero));
}

Step find_bpf_step(const bpf_insn& insn) {
  switch (insn_class(insn.code)) {
    case BPF_ALU:
    case BPF_ALU64:
      return find_alu_step(insn);
    case BPF_JMP:
    case BPF_JMP32:
      return find_jump_step(insn);
    case BPF_LD:
      return insn_is_ld_imm64(insn) ? step_load_value : nullptr;
    default:
      return find_memory_step(insn);
  }
}

class ImageImpl : public Image {
 public:
  ImageImpl(const LoweredProgram& program, std::span<bpf_map* const> maps, u32 id)
      : code_(program.insns.size()), callbacks_(program.subprogs.size()) {
    for (std::size_t s = 0; s < callbacks_.size(); ++s)
      callbacks_[s] = {{run_callback}, &code_[program.subprogs[s].begin]};
    for (std::size_t at = 0; at < code_.size(); ++at) bind(code_[at], program, program.insns[at], maps);
    prog_.run = run_image;
    prog_.burst = program.type == BPF_PROG_TYPE_XDP ? burst_image : nullptr;
    prog_.id = id;
    prog_.type = program.type;
    prog_.engine = &code_;
  }

  const bpf_prog* prog() const noexcept override { return &prog_; }

 private:
  void bind(Inst& inst, const LoweredProgram& program, const LowInsn& low, std::span<bpf_map* const> maps) {
    inst.low = low;
    Step step = nullptr;
    if (!low.dead) switch (low.op) {
        case LowOp::bpf:
          inst.value = low.imm64;
          step = find_bpf_step(low.insn);
          break;
        case LowOp::helper:
          inst.value = reinterpret_cast<u64>(runtime::native_helper(u32(low.insn.imm), program.type));
          step = inst.value ? step_helper : nullptr;
          break;
        case LowOp::kfunc:
          inst.value = reinterpret_cast<u64>(runtime::native_kfunc(low.target));
          step = inst.value ? step_helper : nullptr;
          break;
        case LowOp::tail_call:
          step = step_tail_call;
          break;
        case LowOp::call:
          inst.target = &code_[program.subprogs[low.target].begin];
          step = step_call;
          break;
        case LowOp::load_map:
          inst.value = reinterpret_cast<u64>(maps[std::size_t(low.map_index)]);
          step = step_load_value;
          break;
        case LowOp::load_map_value:
          inst.value = find_map_value(maps[std::size_t(low.map_index)]) + u64(base::s64(low.insn.imm));
          step = step_load_value;
          break;
        case LowOp::packet_load:
          inst.value = reinterpret_cast<u64>(&bpf_packet_load);
          step = step_helper;
          break;
        case LowOp::load_env:
          step = step_load_env;
          break;
        case LowOp::load_func:
          inst.value = reinterpret_cast<u64>(static_cast<bpf_callback*>(&callbacks_[low.target]));
          step = step_load_value;
          break;
      }
    inst.step = step ? step : step_trap;
  }

  Code code_;
  std::vector<Callback> callbacks_;  // of each subprogram
  bpf_prog prog_{};
};

}  // namespace

std::unique_ptr<Image> make_image(LoweredProgram program, std::span<bpf_map* const> maps, u32 id) {
  return std::make_unique<ImageImpl>(program, maps, id);
}

}  // namespace bpf::interp
