// SPDX-License-Identifier: Apache-2.0
// harness.h — hand-made lowered programs, compiled, linked and run in both tiers.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "bpf/abi/func_id.h"
#include "bpf/abi/host/xdp_buff.h"
#include "bpf/jit/jit.h"
#include "bpf/runtime/default_host.h"
#include "bpf/runtime/runtime.h"
#include "tests/support/burst.h"
#include "tests/support/insn.h"

namespace bpf::jit {

using base::s32;
using base::s64;

inline constexpr s32 kFetch = BPF_FETCH;
inline constexpr Tier kTiers[] = {Tier::quick, Tier::optimised};

// One subprogram; calls of helpers become LowOp::helper, 64-bit immediates become one instruction, `mem` is none.
inline LoweredProgram lowered(const std::vector<bpf_insn>& insns) {
  LoweredProgram p;
  p.type = BPF_PROG_TYPE_XDP;
  p.name = "test";
  for (u32 at = 0; at < insns.size(); ++at) {
    LowInsn low{.insn = insns[at], .origin = at};
    if (insns[at].code == (BPF_JMP | BPF_CALL)) low.op = LowOp::helper;
    if (insn_is_ld_imm64(insns[at])) {
      ADD_FAILURE() << "give 64-bit immediates by hand: jumps count instructions";
    }
    p.insns.push_back(low);
  }
  p.subprogs = {{.begin = 0, .end = u32(insns.size())}};
  return p;
}

inline std::unique_ptr<Code> build(const LoweredProgram& program, Tier tier = Tier::optimised,
                                   std::span<bpf_map* const> maps = {}) {
  auto object = compile(program, {.tier = tier});
  if (!object) {
    ADD_FAILURE() << object.error().what();
    return nullptr;
  }
  auto code = link(*object, maps, program.type, 1);
  if (!code) {
    ADD_FAILURE() << code.error().what();
    return nullptr;
  }
  return *std::move(code);
}

inline bpf_env make_env() {
  bpf_env env;
  runtime::init_env(env, 0, runtime::default_host());
  return env;
}

inline u64 run(const Code& code, void* ctx = nullptr) {
  bpf_env env = make_env();
  return code.prog()->run(ctx, &env, code.prog());
}

// Runs in every tier; they must agree.
inline u64 run(const LoweredProgram& program, void* ctx = nullptr) {
  const auto quick = build(program, Tier::quick);
  const auto optimised = build(program, Tier::optimised);
  if (!quick || !optimised) return 0;
  const u64 result = run(*quick, ctx);
  EXPECT_EQ(result, run(*optimised, ctx)) << "tiers disagree";
  return result;
}
inline u64 run(std::initializer_list<support::Op> ops) {
  return run(lowered(support::code(ops)));
}

}  // namespace bpf::jit
