// SPDX-License-Identifier: Apache-2.0
// Random programs through the interpreter and both tiers: equal results and equal stacks, or the seed is printed.
#include <cstdlib>
#include <random>

#include "bpf/interp/interp.h"
#include "tests/support/slice.h"
#include "tests/unit/jit/harness.h"

namespace bpf::jit {
namespace {
using namespace support;

constexpr int kAluOps[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,  BPF_AND,  BPF_LSH,
                           BPF_RSH, BPF_NEG, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH, BPF_END};
constexpr int kJumpOps[] = {BPF_JEQ,  BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT,
                            BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE};
constexpr int kSizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
constexpr s32 kAtomics[] = {BPF_ADD,         BPF_OR,           BPF_AND,          BPF_XOR,  BPF_ADD | kFetch,
                            BPF_OR | kFetch, BPF_AND | kFetch, BPF_XOR | kFetch, BPF_XCHG, BPF_CMPXCHG};
constexpr s32 kImmediates[] = {0, 1, -1, 2, 7, 31, 32, 63, 64, 255, 0x7fffffff, -0x7fffffff - 1, 0x12345678};

// Straight-line code with forward jumps over registers r0 … r9 and an initialised stack of 64 bytes: always ends.
class Generator {
 public:
  explicit Generator(u64 seed) : random_(seed) {}

  LoweredProgram make() {
    insns_.clear();
    for (int slot = 1; slot <= 8; ++slot) put(st(BPF_DW, R10, -8 * slot, immediate()));
    for (u8 r = 0; r <= 9; ++r) put(mov64_imm(Reg(r), immediate()));
    const size_t end = insns_.size() + 40;
    while (insns_.size() < end) step(end);
    for (u8 r = 1; r <= 9; ++r) {
      put(alu64_imm(BPF_MUL, R0, 31));
      put(add64_reg(R0, Reg(r)));
    }
    for (int slot = 1; slot <= 8; ++slot) {
      put(ldx(BPF_DW, R1, R10, -8 * slot));
      put(alu64_imm(BPF_MUL, R0, 31));
      put(add64_reg(R0, R1));
    }
    put(exit_insn());
    LoweredProgram p = lowered(insns_);
    for (LowInsn& low : p.insns)
      if (const u8 cls = insn_class(low.insn.code); cls == BPF_LDX || cls == BPF_ST || cls == BPF_STX)
        low.mem = MemKind::stack;
    return p;
  }

 private:
  u32 below(u32 n) { return u32(random_() % n); }
  Reg reg() { return Reg(below(10)); }
  s32 immediate() { return below(3) ? kImmediates[below(std::size(kImmediates))] : s32(random_()); }
  void put(Op op) { insns_.push_back(op.insns[0]); }

  void alu() {
    const int op = kAluOps[below(std::size(kAluOps))];
    const u8 cls = below(2) ? BPF_ALU64 : BPF_ALU;
    if (op == BPF_END) {
      const s32 widths[] = {16, 32, 64};
      const u8 form = cls == BPF_ALU64 ? 0 : u8(below(2) * BPF_X);
      return put(make_insn(cls | op | form, reg(), 0, 0, widths[below(3)]));
    }
    if (op == BPF_NEG) return put(make_insn(cls | op, reg(), 0, 0, 0));
    const bool from_reg = below(2);
    int off = 0;
    if (op == BPF_DIV || op == BPF_MOD) off = int(below(2));
    if (op == BPF_MOV && from_reg && below(2)) off = below(2) ? 8 : cls == BPF_ALU64 && below(2) ? 32 : 16;
    put(make_insn(cls | op | (from_reg ? BPF_X : BPF_K), reg(), from_reg ? reg() : 0, off, from_reg ? 0 : immediate()));
  }

  void memory() {
    const int size = kSizes[below(4)];
    const int bytes = insn_access_bytes(u8(size));
    const int off = -64 + int(below(64 - u32(bytes) + 1));
    switch (below(5)) {
      case 0:
        return put(ldx(size, reg(), R10, off));
      case 1:
        return put(size == BPF_DW ? ldx(size, reg(), R10, off) : ldsx(size, reg(), R10, off));
      case 2:
        return put(stx(size, R10, reg(), off));
      case 3:
        return put(st(size, R10, off, immediate()));
      default: {
        const int wide = below(2) ? BPF_DW : BPF_W;
        const int aligned = -8 * int(1 + below(8));
        return put(atomic(wide, kAtomics[below(std::size(kAtomics))], R10, reg(), aligned));
      }
    }
  }

  void step(size_t end) {
    switch (below(6)) {
      case 0:
        return memory();
      case 1: {
        const size_t room = end - insns_.size() - 1;
        const u8 cls = below(2) ? BPF_JMP : BPF_JMP32;
        const bool from_reg = below(2);
        const int off = room ? int(below(u32(std::min<size_t>(room, 6)) + 1)) : 0;
        return put(make_insn(cls | kJumpOps[below(std::size(kJumpOps))] | (from_reg ? BPF_X : BPF_K), reg(),
                             from_reg ? reg() : 0, off, from_reg ? 0 : immediate()));
      }
      default:
        return alu();
    }
  }

  std::mt19937_64 random_;
  std::vector<bpf_insn> insns_;
};

TEST(JitRandom, InterpreterAndBothTiersAgree) {
  const u64 first = support::slice_seed();
  const char* wanted = std::getenv("SLUICE_RANDOM_PROGRAMS");
  const int programs = wanted ? std::atoi(wanted) : int(support::slice_length(60));
  for (int i = 0; i < programs; ++i) {
    const u64 seed = first + u64(i);
    SCOPED_TRACE("SLUICE_SEED=" + std::to_string(seed));
    const LoweredProgram p = Generator(seed).make();
    const auto image = interp::make_image(p, {});
    bpf_env env = make_env();
    const u64 expected = image->prog()->run(nullptr, &env, image->prog());
    for (const Tier tier : kTiers) {
      const auto c = build(p, tier);
      ASSERT_TRUE(c);
      ASSERT_EQ(run(*c), expected) << (tier == Tier::quick ? "quick" : "optimised");
    }
  }
}

}  // namespace
}  // namespace bpf::jit
