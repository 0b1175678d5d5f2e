// SPDX-License-Identifier: Apache-2.0
// Linking: memory protection, memory returned, strangers refused.
#include <fstream>
#include <string>

#include "base/sanitized.h"
#include "tests/unit/jit/harness.h"

namespace bpf::jit {
namespace {
using namespace support;

// AddressSanitizer keeps freed memory in quarantine for a while.
constexpr bool kQuarantine = base::kSanitized;

LoweredProgram constant(s64 value) {
  return lowered(code({mov64_imm(R0, value), exit_insn()}));
}

// Lines of /proc/self/maps for which `pred(protection, begin, end)` holds.
template <class Pred>
int count_mappings(Pred pred) {
  std::ifstream file("/proc/self/maps");
  int count = 0;
  for (std::string line; std::getline(file, line);) {
    unsigned long begin = 0, end = 0;
    char protection[5] = "";
    if (std::sscanf(line.c_str(), "%lx-%lx %4s", &begin, &end, protection) == 3)
      count += pred(std::string(protection), begin, end);
  }
  return count;
}

long resident_kb() {
  std::ifstream file("/proc/self/statm");
  long size = 0, resident = 0;
  file >> size >> resident;
  return resident * 4;
}

TEST(JitLink, CodeIsExecutableAndNeverWritable) {
  const auto c = build(constant(3));
  ASSERT_TRUE(c);
  const auto text = reinterpret_cast<unsigned long>(c->text().data());
  EXPECT_GT(c->text().size(), 0u);
  EXPECT_EQ(count_mappings([&](const std::string& protection, unsigned long begin, unsigned long end) {
              return begin <= text && text < end && protection == "r-xp";
            }),
            1);
  EXPECT_EQ(count_mappings([](const std::string& protection, auto, auto) {
              return protection.starts_with("rwx") || protection.starts_with("-wx");
            }),
            0);
}

TEST(JitLink, ProgLiesInsideTheText) {
  const auto c = build(constant(3));
  ASSERT_TRUE(c);
  const auto* begin = c->text().data();
  const auto* run = reinterpret_cast<const std::byte*>(c->prog()->run);
  EXPECT_TRUE(run >= begin && run < begin + c->text().size());
  EXPECT_EQ(c->prog()->id, 1u);
  EXPECT_EQ(c->prog()->type, u32(BPF_PROG_TYPE_XDP));
}

TEST(JitLink, DroppedCodeGivesItsMemoryBack) {
  const auto object = compile(constant(3), {.tier = Tier::quick});
  ASSERT_TRUE(object);
  const auto cycle = [&](int times) {
    for (int i = 0; i < times; ++i) {
      const auto c = link(*object, {}, BPF_PROG_TYPE_XDP, u32(i));
      ASSERT_TRUE(c) << c.error().what();
      ASSERT_EQ(run(**c), 3u);
    }
  };
  const auto every = [](const std::string&, auto, auto) { return true; };
  cycle(50);
  const int mappings = count_mappings(every);
  const long before = resident_kb();
  cycle(200);
  EXPECT_LE(count_mappings(every), mappings + (kQuarantine ? 40 : 2));
  EXPECT_LE(resident_kb(), before + (kQuarantine ? 32'768 : 512)) << "200 programs left memory behind";
}

TEST(JitLink, ManyProgramsLiveSideBySide) {
  std::vector<std::unique_ptr<Code>> codes;
  for (int i = 0; i < 32; ++i) codes.push_back(build(constant(i), Tier::quick));
  for (int i = 0; i < 32; ++i) EXPECT_EQ(run(*codes[size_t(i)]), u64(i));
}

TEST(JitLink, BytesThatAreNoObjectAreRefused) {
  const std::vector<std::byte> junk(100, std::byte{0x7f});
  const auto c = link(junk, {}, BPF_PROG_TYPE_XDP, 1);
  ASSERT_FALSE(c);
  EXPECT_EQ(c.error().code(), EINVAL);
}

TEST(JitLink, ObjectThatNamesAMissingMapIsRefused) {
  LoweredProgram p = constant(0);
  p.maps.resize(1);
  p.maps[0].type = BPF_MAP_TYPE_ARRAY;
  p.insns[0].op = LowOp::load_map;
  p.insns[0].map_index = 0;
  const auto object = compile(p);
  ASSERT_TRUE(object) << object.error().what();
  const auto c = link(*object, {}, BPF_PROG_TYPE_XDP, 1);
  ASSERT_FALSE(c);
  EXPECT_NE(c.error().what().find("sluice_map_0"), std::string::npos) << c.error().what();
}

TEST(JitLink, TruncatedObjectsNeverLink) {
  const auto object = compile(constant(3));
  ASSERT_TRUE(object);
  for (size_t size = 0; size + 8 < object->size(); size += 64) {
    const auto c = link(std::span(*object).first(size), {}, BPF_PROG_TYPE_XDP, 1);
    EXPECT_FALSE(c) << size;
  }
}

TEST(JitCompile, SameProgramGivesTheSameBytes) {
  for (const Tier tier : kTiers) {
    const auto a = compile(constant(3), {.tier = tier});
    const auto b = compile(constant(3), {.tier = tier});
    ASSERT_TRUE(a && b);
    EXPECT_EQ(*a, *b);
  }
}

}  // namespace
}  // namespace bpf::jit
