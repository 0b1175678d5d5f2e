// SPDX-License-Identifier: Apache-2.0
#include "tests/support/mutator.h"

#include <algorithm>

#include "bpf/abi/flags.h"

namespace support {
namespace {

using namespace bpf;  // NOLINT: the words of the ABI

class Mutator {
 public:
  Mutator(ProgSource& program, const ProgSource& other, std::mt19937_64& random)
      : program_(program), insns_(program.insns), other_(other.insns), random_(random) {}

  void run() {
    for (int n = 1 + pick(chance(75) ? 2 : 4); n > 0; --n) one();
    // A map that leads to programs belongs to the first type that used it.
    const bool calls_programs = std::any_of(insns_.begin(), insns_.end(), [this](const bpf_insn& i) {
      if (!insn_is_ld_imm64(i) || i.src_reg != BPF_PSEUDO_MAP_FD) return false;
      if (static_cast<std::size_t>(i.imm) >= program_.maps.size()) return false;
      const auto type = program_.maps[static_cast<std::size_t>(i.imm)].type;
      return type == BPF_MAP_TYPE_PROG_ARRAY || type == BPF_MAP_TYPE_DEVMAP || type == BPF_MAP_TYPE_CPUMAP;
    });
    if (calls_programs) program_.type = BPF_PROG_TYPE_XDP;
    if (!calls_programs && chance(8)) program_.type = static_cast<bpf_prog_type>(1 + pick(32));
    if (chance(4)) program_.prog_flags ^= BPF_F_STRICT_ALIGNMENT;
    if (chance(6)) program_.prog_flags ^= BPF_F_TEST_STATE_FREQ;
  }

 private:
  int pick(std::size_t n) { return static_cast<int>(random_() % n); }
  bool chance(int percent) { return pick(100) < percent; }

  bool is_wide(std::size_t i) const { return insn_is_ld_imm64(insns_[i]); }
  bool is_second(std::size_t i) const { return i > 0 && is_wide(i - 1) && !(i > 1 && is_wide(i - 2)); }

  base::s32 edge() {
    static constexpr base::s64 kEdges[] = {
        0,      1,      2,       3,  4,  7,  8,   9,   14,   15,      16,      17,         23,
        24,     31,     32,      33, 63, 64, 127, 128, 255,  256,     511,     512,        0x7fff,
        0x8000, 0xffff, 0x10000, -1, -2, -8, -16, -32, -512, -0x8000, 1 << 29, 0x7fffffff, -0x7fffffff - 1};
    return static_cast<base::s32>(kEdges[pick(std::size(kEdges))]);
  }
  base::s32 nudged(base::s32 v) {
    switch (pick(8)) {
      case 0:
        return static_cast<base::s32>(static_cast<base::u32>(v) + 1);
      case 1:
        return static_cast<base::s32>(static_cast<base::u32>(v) - 1);
      case 2:
        return static_cast<base::s32>(static_cast<base::u32>(v) + 8);
      case 3:
        return static_cast<base::s32>(static_cast<base::u32>(v) - 8);
      case 4:
        return static_cast<base::s32>(0 - static_cast<base::u32>(v));
      default:
        return edge();
    }
  }

  void one() {
    const std::size_t i = static_cast<std::size_t>(pick(insns_.size()));
    if (is_second(i)) return;
    if (is_wide(i)) {
      if (insns_[i].src_reg == 0) insns_[i].imm = nudged(insns_[i].imm);
      return;
    }
    switch (pick(10)) {
      case 0:
      case 1:
      case 2:
        return operand(insns_[i]);
      case 3:
        return registers(insns_[i]);
      case 4:
        return operation(insns_[i]);
      case 5:
        return width(insns_[i]);
      case 6:
        if (i + 1 < insns_.size() && !is_wide(i + 1) && !is_jump_like(insns_[i]) && !is_jump_like(insns_[i + 1]))
          std::swap(insns_[i], insns_[i + 1]);
        return;
      case 7:
        if (!is_exit_insn(insns_[i])) insns_[i] = bpf_insn{BPF_JMP | BPF_JA, 0, 0, 0, 0};
        return;
      default:
        return put_in(i);
    }
  }

  static bool is_jump_like(const bpf_insn& insn) {
    return insn_class(insn.code) == BPF_JMP || insn_class(insn.code) == BPF_JMP32;
  }
  static bool is_exit_insn(const bpf_insn& insn) { return insn.code == (BPF_JMP | BPF_EXIT); }
  static bool is_memory(const bpf_insn& insn) {
    const auto c = insn_class(insn.code);
    return c == BPF_LDX || c == BPF_ST || c == BPF_STX;
  }

  void operand(bpf_insn& insn) {
    if (is_memory(insn)) {
      if (insn_class(insn.code) == BPF_ST && chance(40))
        insn.imm = nudged(insn.imm);
      else
        insn.off = static_cast<base::s16>(nudged(insn.off));
    } else if (is_jump_like(insn) && insn_op(insn.code) == BPF_CALL) {
      if (insn.src_reg == 0 && chance(30)) insn.imm = 1 + pick(211);
    } else if (is_jump_like(insn)) {
      if (chance(20))
        insn.off = static_cast<base::s16>(insn.off + pick(5) - 2);
      else if (!insn_src_is_reg(insn.code))
        insn.imm = nudged(insn.imm);
    } else if (!insn_src_is_reg(insn.code)) {
      insn.imm = nudged(insn.imm);
    } else if (chance(20)) {
      insn.off = static_cast<base::s16>(insn.off ^ 1);
    }
  }

  void registers(bpf_insn& insn) {
    if (is_jump_like(insn) && (insn_op(insn.code) == BPF_CALL || is_exit_insn(insn))) return;
    if (chance(50))
      insn.dst_reg = static_cast<base::u8>(pick(chance(95) ? 10 : 11)) & 0xf;
    else if (is_memory(insn) || insn_src_is_reg(insn.code))
      insn.src_reg = static_cast<base::u8>(pick(11)) & 0xf;
  }

  void operation(bpf_insn& insn) {
    const auto c = insn_class(insn.code);
    if (c == BPF_ALU || c == BPF_ALU64) {
      if (insn_op(insn.code) == BPF_END || insn_op(insn.code) == BPF_NEG) return;
      static constexpr int kOps[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,  BPF_AND,
                                     BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_MOV, BPF_ARSH};
      insn.code = static_cast<base::u8>((insn.code & 0x0f) | kOps[pick(std::size(kOps))]);
    } else if (is_jump_like(insn)) {
      const int op = insn_op(insn.code);
      if (op == BPF_CALL || op == BPF_EXIT || op == BPF_JA || op == BPF_JCOND) return;
      static constexpr int kOps[] = {BPF_JEQ,  BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT,
                                     BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE};
      insn.code = static_cast<base::u8>((insn.code & 0x0f) | kOps[pick(std::size(kOps))]);
    } else if (insn_mode(insn.code) == BPF_ATOMIC) {
      static constexpr int kOps[] = {BPF_ADD,  BPF_OR,      BPF_AND,      BPF_XOR,      int{BPF_ADD} | int{BPF_FETCH},
                                     BPF_XCHG, BPF_CMPXCHG, BPF_LOAD_ACQ, BPF_STORE_REL};
      insn.imm = kOps[pick(std::size(kOps))];
    } else if (c == BPF_LDX) {
      insn.code ^= BPF_MEM ^ BPF_MEMSX;
    }
  }

  void width(bpf_insn& insn) {
    const auto c = insn_class(insn.code);
    if (is_memory(insn)) {
      static constexpr int kSizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
      insn.code = static_cast<base::u8>((insn.code & ~0x18) | kSizes[pick(4)]);
    } else if (c == BPF_ALU || c == BPF_ALU64) {
      insn.code ^= BPF_ALU ^ BPF_ALU64;
    } else if (insn_op(insn.code) != BPF_CALL && insn_op(insn.code) != BPF_EXIT && insn_op(insn.code) != BPF_JA &&
               insn_op(insn.code) != BPF_JCOND) {
      insn.code ^= BPF_JMP ^ BPF_JMP32;
    }
  }

  // Before `at`: one of our own instructions, or another program's.
  void put_in(std::size_t at) {
    const auto& from = chance(60) ? insns_ : other_;
    const std::size_t k = static_cast<std::size_t>(pick(from.size()));
    bpf_insn fresh = from[k];
    const bool half = fresh.code == 0 || insn_is_ld_imm64(fresh);
    const bool moves = is_jump_like(fresh) && !(insn_op(fresh.code) == BPF_CALL && fresh.src_reg == 0);
    if (half || moves) {
      fresh = bpf_insn{};
      const auto d = static_cast<base::u8>(pick(10)) & 0xf;
      const auto s = static_cast<base::u8>(pick(11)) & 0xf;
      if (chance(50)) {
        fresh.code = BPF_ALU64 | BPF_MOV | BPF_X;
        fresh.src_reg = s;
      } else {
        fresh.code = BPF_ALU64 | BPF_ADD | BPF_K;
        fresh.imm = edge();
      }
      fresh.dst_reg = d;
    }
    insert(at, fresh);
  }

  void insert(std::size_t at, const bpf_insn& fresh) {
    const auto moved = [at](base::s64 target) { return target > static_cast<base::s64>(at) ? target + 1 : target; };
    for (std::size_t i = 0; i < insns_.size(); ++i) {
      bpf_insn& insn = insns_[i];
      if (is_second(i)) continue;
      const base::s64 here = static_cast<base::s64>(i), now = here >= static_cast<base::s64>(at) ? here + 1 : here;
      const bool call = insn.code == (BPF_JMP | BPF_CALL) && insn.src_reg == BPF_PSEUDO_CALL;
      const bool func = is_wide(i) && insn.src_reg == BPF_PSEUDO_FUNC;
      const bool far = insn.code == (BPF_JMP32 | BPF_JA);
      if (call || func || far) {
        insn.imm = static_cast<base::s32>(moved(here + 1 + insn.imm) - now - 1);
      } else if (is_jump_like(insn) && insn_op(insn.code) != BPF_CALL && !is_exit_insn(insn)) {
        insn.off = static_cast<base::s16>(moved(here + 1 + insn.off) - now - 1);
      }
    }
    for (bpf_func_info& f : program_.func_info)
      if (f.insn_off > at) ++f.insn_off;
    insns_.insert(insns_.begin() + static_cast<std::ptrdiff_t>(at), fresh);
  }

  ProgSource& program_;
  std::vector<bpf_insn>& insns_;
  const std::vector<bpf_insn>& other_;
  std::mt19937_64& random_;
};

}  // namespace

void mutate(ProgSource& program, const ProgSource& other, std::mt19937_64& random) {
  Mutator(program, other, random).run();
}

}  // namespace support
