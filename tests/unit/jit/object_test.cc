// SPDX-License-Identifier: Apache-2.0
// Objects: their container, the origin of machine code, disassembly.
#include "bpf/jit/object.h"

#include <algorithm>

#include "bpf/jit/disassemble.h"
#include "tests/unit/jit/harness.h"

namespace bpf::jit {
namespace {
using namespace support;

LoweredProgram three_steps() {
  LoweredProgram p = lowered(code({ldx(BPF_W, R0, R1, 0), alu64_imm(BPF_MUL, R0, 12345), exit_insn()}));
  for (LowInsn& insn : p.insns) insn.origin += 40;
  p.insns[0].mem = MemKind::host;
  return p;
}

TEST(JitObject, UnpacksToWhatWasPacked) {
  const std::vector<std::byte> elf(13, std::byte{0x7f});
  const std::vector<CodeLine> lines = {{0, 3}, {4, 1}, {9, 2}};
  const auto object = pack_object(elf, lines);
  const auto view = unpack_object(object);
  ASSERT_TRUE(view) << view.error().what();
  EXPECT_TRUE(std::ranges::equal(view->elf, elf));
  ASSERT_EQ(view->lines.size(), 3u);
  EXPECT_EQ(view->lines[2].offset, 9u);
  EXPECT_EQ(view->lines[2].insn, 2u);
}

TEST(JitObject, CutOrStretchedBytesAreRefused) {
  auto object = pack_object(std::vector<std::byte>(13), std::vector<CodeLine>{{0, 3}, {4, 1}});
  for (size_t size = 0; size < object.size(); ++size)
    EXPECT_FALSE(unpack_object(std::span(object).first(size))) << size;
  object.resize(object.size() + 8);
  EXPECT_FALSE(unpack_object(object));
}

TEST(JitObject, LinesOutOfOrderAreRefused) {
  EXPECT_FALSE(unpack_object(pack_object({}, std::vector<CodeLine>{{4, 3}, {0, 1}})));
}

TEST(JitObject, EveryTierSaysWhereItsCodeComesFrom) {
  for (const Tier tier : {Tier::quick, Tier::optimised, Tier::checked}) {
    const auto c = build(three_steps(), tier);
    ASSERT_TRUE(c);
    std::vector<u32> origins;
    const auto names = [&](std::string_view name) {
      return std::ranges::find(c->functions(), name, &CodeFunction::name);
    };
    ASSERT_NE(names("sluice_prog"), c->functions().end()) << tier_name(tier);
    EXPECT_EQ(names("sluice_burst") == c->functions().end(), tier == Tier::quick) << tier_name(tier);
    EXPECT_NE(c->prog()->burst, nullptr) << tier_name(tier);
    const CodeFunction& f = *names("sluice_prog");
    for (const CodeLine& line : c->lines())
      if (line.offset >= f.offset && line.offset < f.offset + f.bytes) origins.push_back(line.insn);
    for (const u32 insn : {40u, 41u, 42u})
      EXPECT_TRUE(std::ranges::find(origins, insn) != origins.end()) << tier_name(tier) << " " << insn;
    EXPECT_EQ(reinterpret_cast<const std::byte*>(c->prog()->run), c->text().data() + f.offset);
  }
}

TEST(JitObject, OptimisedBurstsNameTheProgramsInstructions) {
  // What only moves the context about may vanish in the loop; a load from the packet does not.
  LoweredProgram p = lowered(code({ldx(BPF_DW, R2, R1, offsetof(xdp_buff, data)), ldx(BPF_B, R0, R2, 0), exit_insn()}));
  for (LowInsn& insn : p.insns) insn.origin += 40;
  p.insns[0].mem = MemKind::host;
  p.insns[1].mem = MemKind::packet;
  const auto c = build(p, Tier::optimised);
  ASSERT_TRUE(c);
  const auto f = std::ranges::find(c->functions(), "sluice_burst", &CodeFunction::name);
  ASSERT_NE(f, c->functions().end());
  EXPECT_TRUE(std::ranges::any_of(c->lines(), [&](const CodeLine& line) {
    return line.offset >= f->offset && line.offset < f->offset + f->bytes && line.insn == 41;
  }));
}

TEST(Disassemble, CoversEveryByteOnceAndNamesInstructions) {
  const auto c = build(three_steps());
  ASSERT_TRUE(c);
  const auto insns = disassemble(c->text(), reinterpret_cast<u64>(c->text().data()));
  u32 at = 0;
  for (const NativeInsn& insn : insns) {
    EXPECT_EQ(insn.offset, at);
    at += insn.bytes;
  }
  EXPECT_EQ(at, c->text().size());
  EXPECT_TRUE(std::ranges::any_of(insns, [](const NativeInsn& i) { return i.text.starts_with("imul"); }));
  EXPECT_TRUE(std::ranges::any_of(insns, [](const NativeInsn& i) { return i.text.starts_with("ret"); }));
}

TEST(Disassemble, BytesThatAreNoInstructionAreShownAsBytes) {
  const std::vector<std::byte> junk = {std::byte{0x06}, std::byte{0xc3}};
  const auto insns = disassemble(junk, 0);
  ASSERT_EQ(insns.size(), 2u);
  EXPECT_EQ(insns[0].text, ".byte 0x06");
  EXPECT_TRUE(insns[1].text.starts_with("ret"));
}

}  // namespace
}  // namespace bpf::jit
