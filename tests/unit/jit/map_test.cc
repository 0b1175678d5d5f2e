// SPDX-License-Identifier: Apache-2.0
// Maps as the JIT sees them: symbols, frozen contents, the call through a map's own table, tail calls.
#include <cstring>

#include "tests/unit/jit/harness.h"

namespace bpf::jit {
namespace {
using namespace support;

// A map of one value whose look-up counts its calls.
struct OneValue {
  bpf_map map{};
  u64 value = 0;
  u64 lookups = 0;

  static OneValue& of(bpf_map* map) { return *reinterpret_cast<OneValue*>(map); }
};

const bpf_map_runtime kOneValueRuntime = {
    .lookup = [](bpf_env*, bpf_map* map, bpf_map_shape shape, const void* key) -> void* {
      ++OneValue::of(map).lookups;
      u32 index;
      std::memcpy(&index, key, sizeof index);
      return index < shape.max_entries ? &OneValue::of(map).value : nullptr;
    },
    .update = [](bpf_env*, bpf_map* map, bpf_map_shape, const void*, const void* value, u64 flags) -> s64 {
      std::memcpy(&OneValue::of(map).value, value, 8);
      return s64(flags) == 0 ? 0 : -EINVAL;
    },
    .erase = [](bpf_env*, bpf_map*, bpf_map_shape, const void*) -> s64 { return -ENOENT; },
    .redirect = [](bpf_env*, bpf_map*, bpf_map_shape, u64 key, u64) -> s64 { return s64(key); },
    .lookup_percpu = [](bpf_env*, bpf_map*, bpf_map_shape, const void*, u32) -> void* { return nullptr; },
    .natives = nullptr,
};

OneValue make_one_value(u64 value) {
  OneValue m;
  m.map.shape = {4, 8, 1, 0};
  m.map.map_type = BPF_MAP_TYPE_ARRAY;
  m.map.runtime = &kOneValueRuntime;
  m.value = value;
  return m;
}

MapFacts facts_of(const OneValue& m) {
  MapFacts facts;
  facts.type = bpf_map_type(m.map.map_type);
  facts.key_size = m.map.shape.key_size;
  facts.value_size = m.map.shape.value_size;
  facts.max_entries = m.map.shape.max_entries;
  return facts;
}

void make_map_load(LowInsn& low, LowOp op, s16 map) {
  low.insn.code = BPF_LD | BPF_IMM | BPF_DW;
  low.op = op;
  low.map_index = map;
}

u64 run_with(const LoweredProgram& p, bpf_map* map, Tier tier) {
  bpf_map* maps[] = {map};
  const auto c = build(p, tier, maps);
  return c ? run(*c) : ~u64(0);
}

TEST(JitMap, CallSiteWithSeveralMapsGoesThroughTheTable) {
  OneValue m = make_one_value(123);
  LoweredProgram p = lowered(
      code({st(BPF_W, R10, -4, 0), mov64_reg(R2, R10), add64_imm(R2, -4), mov64_imm(R1, 0),
            call_helper(BPF_FUNC_map_lookup_elem), jmp_imm(BPF_JEQ, R0, 0, 1), ldx(BPF_DW, R0, R0, 0), exit_insn()}));
  make_map_load(p.insns[3], LowOp::load_map, 0);
  p.insns[6].mem = MemKind::map_value;
  p.maps = {facts_of(m)};
  for (const Tier tier : kTiers) EXPECT_EQ(run_with(p, &m.map, tier), 123u);
  EXPECT_EQ(m.lookups, 2u);
  p.insns[0].insn.imm = 1;  // no such element
  for (const Tier tier : kTiers) EXPECT_EQ(run_with(p, &m.map, tier), 0u);
}

TEST(JitMap, ValueReferenceIsTheValuesAddress) {
  OneValue m = make_one_value(0x1122334455667788);
  LoweredProgram p = lowered(code({mov64_imm(R1, 0), ldx(BPF_W, R0, R1, 0), st(BPF_W, R1, 0, 7), exit_insn()}));
  make_map_load(p.insns[0], LowOp::load_map_value, 0);
  p.insns[0].insn.imm = 4;
  p.insns[1].mem = p.insns[2].mem = MemKind::map_value;
  p.maps = {facts_of(m)};
  EXPECT_EQ(run_with(p, &m.map, Tier::quick), 0x11223344u);
  EXPECT_EQ(run_with(p, &m.map, Tier::optimised), 7u);
  EXPECT_EQ(m.value, 0x0000000755667788u);
}

TEST(JitMap, FrozenContentsFoldAwayAndTakeDeadBranchesWithThem) {
  LoweredProgram p = lowered(code({mov64_imm(R1, 0), ldx(BPF_W, R2, R1, 0), mov64_imm(R0, 11),
                                   jmp_imm(BPF_JEQ, R2, 5, 1), call_helper(BPF_FUNC_ktime_get_ns), exit_insn()}));
  make_map_load(p.insns[0], LowOp::load_map_value, 0);
  p.insns[1].mem = MemKind::map_value;
  MapFacts facts;
  facts.type = BPF_MAP_TYPE_ARRAY;
  facts.value_size = 4;
  facts.frozen = true;
  facts.contents = {std::byte{5}, std::byte{0}, std::byte{0}, std::byte{0}};
  p.maps = {facts};
  const auto object = compile(p);
  ASSERT_TRUE(object) << object.error().what();
  // Without a map at hand: nothing in the object refers to it any more.
  const auto c = link(*object, {}, BPF_PROG_TYPE_XDP, 1);
  ASSERT_TRUE(c) << c.error().what();
  EXPECT_EQ(run(**c), 11u);
}

// A program array of one slot.
struct ProgArray {
  bpf_prog_array array{};
  const bpf_prog* slots[2] = {nullptr, nullptr};
  ProgArray() {
    array.map.shape = {4, 4, 2, 0};
    array.map.map_type = BPF_MAP_TYPE_PROG_ARRAY;
    array.map.runtime = &kOneValueRuntime;
    array.slots = slots;
  }
};

// r6 = *(u32 *)ctx += 1; bpf_tail_call(ctx, array, index); return 100
LoweredProgram make_caller(s64 index) {
  LoweredProgram p =
      lowered(code({mov64_reg(R6, R1), ldx(BPF_W, R2, R1, 0), add64_imm(R2, 1), stx(BPF_W, R1, R2, 0), mov64_imm(R2, 0),
                    mov64_imm(R3, index), call_helper(BPF_FUNC_tail_call), mov64_imm(R0, 100), exit_insn()}));
  make_map_load(p.insns[4], LowOp::load_map, 0);
  p.insns[6].op = LowOp::tail_call;
  p.maps.resize(1);
  p.maps[0].type = BPF_MAP_TYPE_PROG_ARRAY;
  p.moves_packet = true;
  return p;
}

TEST(JitTailCall, JumpsToThePopulatedSlotAndSeesItsReplacement) {
  ProgArray array;
  bpf_map* maps[] = {&array.array.map};
  const auto target = build(lowered(code({mov64_imm(R0, 7), exit_insn()})));
  for (const Tier tier : kTiers) {
    const auto caller = build(make_caller(1), tier, maps);
    ASSERT_TRUE(caller && target);
    u32 ctx[32] = {};
    array.slots[1] = nullptr;
    EXPECT_EQ(run(*caller, ctx), 100u);
    array.slots[1] = target->prog();
    EXPECT_EQ(run(*caller, ctx), 7u);
  }
}

TEST(JitTailCall, IndexBeyondTheArrayGoesOn) {
  ProgArray array;
  bpf_map* maps[] = {&array.array.map};
  for (const Tier tier : kTiers) {
    const auto caller = build(make_caller(2), tier, maps);
    ASSERT_TRUE(caller);
    u32 ctx[32] = {};
    EXPECT_EQ(run(*caller, ctx), 100u);
  }
}

TEST(JitTailCall, BudgetIsThirtyThree) {
  ProgArray array;
  bpf_map* maps[] = {&array.array.map};
  for (const Tier tier : kTiers) {
    const auto caller = build(make_caller(0), tier, maps);
    ASSERT_TRUE(caller);
    array.slots[0] = caller->prog();  // for ever
    u32 ctx[32] = {};
    EXPECT_EQ(run(*caller, ctx), 100u);
    EXPECT_EQ(ctx[0], 34u);
  }
}

TEST(JitTailCall, FromASubprogramReturnsToTheCaller) {
  ProgArray array;
  bpf_map* maps[] = {&array.array.map};
  const auto target = build(lowered(code({mov64_imm(R0, 7), exit_insn()})));
  LoweredProgram p = lowered(code({call_sub(2), add64_imm(R0, 1000), exit_insn(), mov64_imm(R2, 0), mov64_imm(R3, 0),
                                   call_helper(BPF_FUNC_tail_call), mov64_imm(R0, 100), exit_insn()}));
  p.insns[0].op = LowOp::call;
  p.insns[0].target = 1;
  make_map_load(p.insns[3], LowOp::load_map, 0);
  p.insns[5].op = LowOp::tail_call;
  p.maps.resize(1);
  p.maps[0].type = BPF_MAP_TYPE_PROG_ARRAY;
  p.subprogs = {{.begin = 0, .end = 3}, {.begin = 3, .end = 8}};
  for (const Tier tier : kTiers) {
    const auto caller = build(p, tier, maps);
    ASSERT_TRUE(caller && target);
    array.slots[0] = nullptr;
    u32 ctx[32] = {};
    EXPECT_EQ(run(*caller, ctx), 1100u);
    array.slots[0] = target->prog();
    EXPECT_EQ(run(*caller, ctx), 1007u);
  }
}

}  // namespace
}  // namespace bpf::jit
