// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/program_generator.h"

#include <array>
#include <random>

#include "bpf/abi/context.h"
#include "bpf/abi/func_id.h"
#include "tests/support/insn.h"

namespace fuzz {
namespace {

using namespace bpf;
using namespace support;
using base::s64;

constexpr std::array kScalars = {R0, R1, R2, R3, R4, R5, R9};
constexpr Reg kCounter = R9;  // of a loop, while in one
constexpr std::array kSizes = {int(BPF_B), int(BPF_H), int(BPF_W), int(BPF_DW)};
constexpr int kStackBytes = 64;
constexpr int kSlots = kStackBytes / 8;

enum MapIndex : u32 { kArray, kHash, kPercpuArray, kMapCount };
constexpr u32 kArrayEntries = 4, kHashEntries = 8, kValueBytes = 16;

class Generator {
 public:
  Generator(u64 seed, const GeneratorOptions& options) : options_(options), random_(seed) {}

  ProgSource generate() {
    source_.type = BPF_PROG_TYPE_XDP;
    source_.gpl_compatible = true;
    source_.name = "fuzz";
    if (options_.maps) declare_maps();
    prologue();
    const u32 blocks = 1 + pick(options_.blocks_max);
    for (u32 i = 0; i < blocks; ++i) block(0);
    epilogue();
    append_subprogram();
    return std::move(source_);
  }

 private:
  u32 pick(u32 n) { return u32(random_() % n); }
  bool chance(u32 percent) { return pick(100) < percent; }
  template <class T, std::size_t N>
  T one_of(const std::array<T, N>& from) {
    return from[pick(N)];
  }
  Reg scalar() {
    Reg r = one_of(kScalars);
    while (in_loop_ && r == kCounter) r = one_of(kScalars);
    return r;
  }
  int size() { return one_of(kSizes); }

  void emit(const Op& op) { source_.insns.insert(source_.insns.end(), op.insns.begin(), op.insns.begin() + op.count); }
  u32 here() const { return u32(source_.insns.size()); }
  // The jump at `at` goes to the next instruction that is emitted.
  void land(u32 at) { source_.insns[at].off = s16(here() - at - 1); }

  // Numbers near the borders of the operand widths, and any others.
  s32 immediate() {
    constexpr std::array<s32, 12> kBorders = {0,      1,       -1,   2,       7,          63,
                                              0x7fff, -0x8000, 0xff, 0x10000, 0x7fffffff, s32(0x80000000)};
    return chance(60) ? one_of(kBorders) : s32(random_());
  }

  void declare_maps() {
    const auto add = [&](bpf_map_type type, const char* name, u32 entries) {
      MapFacts f;
      f.id = u32(source_.maps.size()) + 1;
      f.type = type;
      f.name = name;
      f.key_size = 4;
      f.value_size = kValueBytes;
      f.max_entries = entries;
      source_.maps.push_back(std::move(f));
    };
    add(BPF_MAP_TYPE_ARRAY, "array", kArrayEntries);
    add(BPF_MAP_TYPE_HASH, "hash", kHashEntries);
    add(BPF_MAP_TYPE_PERCPU_ARRAY, "percpu", kArrayEntries);
  }

  void prologue() {
    emit(mov64_reg(R6, R1));
    emit(ldx(BPF_W, R7, R1, offsetof(xdp_md, data)));
    emit(ldx(BPF_W, R8, R1, offsetof(xdp_md, data_end)));
    emit(mov64_reg(R2, R7));
    emit(add64_imm(R2, kPacketBytes));
    emit(jmp_reg(BPF_JLE, R2, R8, 2));
    emit(mov64_imm(R0, 1));
    emit(exit_insn());
    for (int slot = 0; slot < kSlots; ++slot) {
      emit(ldx(BPF_DW, R0, R7, 8 * slot));
      emit(stx(BPF_DW, R10, R0, -8 * (slot + 1)));
    }
    refill(kScalars.size());
  }

  // Scalars that a call or a pointer took are read from the stack again.
  void refill(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) emit(ldx(BPF_DW, kScalars[i], R10, -8 * int(1 + pick(kSlots))));
  }
  void refill_arguments() {
    for (const Reg r : {R1, R2, R3, R4, R5}) emit(ldx(BPF_DW, r, R10, -8 * int(1 + pick(kSlots))));
  }

  void epilogue() {
    for (std::size_t i = 0; i < kScalars.size(); ++i) emit(stx(BPF_DW, R7, kScalars[i], int(8 * i)));
    // The stack's sum is the last word.
    emit(mov64_imm(R1, 0));
    for (int slot = 0; slot < kSlots; ++slot) {
      emit(ldx(BPF_DW, R2, R10, -8 * (slot + 1)));
      emit(alu64_reg(BPF_XOR, R1, R2));
      emit(alu64_imm(BPF_MUL, R1, 31));
    }
    emit(stx(BPF_DW, R7, R1, 56));
    if (chance(30)) move_border();
    emit(mov64_reg(R0, R9));
    emit(exit_insn());
  }

  // Last of all, because it spoils the packet pointers.
  void move_border() {
    constexpr std::array kHelpers = {BPF_FUNC_xdp_adjust_head, BPF_FUNC_xdp_adjust_tail, BPF_FUNC_xdp_adjust_meta};
    emit(mov64_reg(R1, R6));
    emit(mov64_reg(R2, R9));
    if (chance(50)) {
      emit(alu64_imm(BPF_AND, R2, 0x3c));
      if (chance(50)) emit(neg64(R2));
    }
    emit(call_helper(one_of(kHelpers)));
    emit(alu64_reg(BPF_XOR, R9, R0));
  }

  // `depth` bounds branches within branches.
  void block(int depth) {
    switch (pick(depth < 3 ? 13 : 6)) {
      case 0:
      case 1:
      case 2:
        return arithmetic();
      case 3:
        return stack_access();
      case 4:
        return packet_access();
      case 5:
        return atomic_access();
      case 6:
      case 7:
        return branch(depth);
      case 8:
        return call_subprogram();
      case 9:
        return options_.maps ? map_access() : arithmetic();
      case 10:
        return options_.variable_offsets ? variable_access() : arithmetic();
      case 11:
        return loop();
      default:
        return helper();
    }
  }

  void arithmetic() {
    constexpr std::array kOps = {int(BPF_ADD), int(BPF_SUB), int(BPF_MUL), int(BPF_DIV), int(BPF_OR),  int(BPF_AND),
                                 int(BPF_LSH), int(BPF_RSH), int(BPF_MOD), int(BPF_XOR), int(BPF_MOV), int(BPF_ARSH)};
    for (u32 n = 1 + pick(4); n > 0; --n) {
      if (chance(15)) {
        unary();
        continue;
      }
      const int op = one_of(kOps);
      const bool wide = chance(50), may_sign = op == BPF_DIV || op == BPF_MOD;
      const int off = may_sign && chance(50) ? 1 : 0;
      if (chance(50)) {
        emit(wide ? alu64_reg(op, scalar(), scalar(), off) : alu32_reg(op, scalar(), scalar(), off));
        continue;
      }
      s32 imm = immediate();
      if (op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH) imm &= wide ? 63 : 31;
      if (may_sign && imm == 0) imm = 3;  // Linux refuses division by an immediate zero
      emit(wide ? alu64_imm(op, scalar(), imm, off) : alu32_imm(op, scalar(), imm, off));
    }
  }

  void unary() {
    constexpr std::array kWidths = {16, 32, 64};
    constexpr std::array kNarrow = {8, 16};
    switch (pick(6)) {
      case 0:
        return emit(neg64(scalar()));
      case 1:
        return emit(neg32(scalar()));
      case 2:
        return emit(to_be(scalar(), one_of(kWidths)));
      case 3:
        return emit(to_le(scalar(), one_of(kWidths)));
      case 4:
        return emit(bswap(scalar(), one_of(kWidths)));
      default:
        return emit(chance(50) ? movsx64_reg(scalar(), scalar(), chance(30) ? 32 : one_of(kNarrow))
                               : movsx32_reg(scalar(), scalar(), one_of(kNarrow)));
    }
  }

  // An aligned place of `bytes` within [0, room).
  int place(int bytes, int room) { return int(pick(u32(room / bytes))) * bytes; }

  void access(Reg base, int begin, int room) {
    const int sz = size();
    const int off = begin + place(insn_access_bytes(u8(sz)), room);
    switch (pick(4)) {
      case 0:
        return emit(st(sz, base, off, immediate()));
      case 1:
        return emit(stx(sz, base, scalar(), off));
      case 2:
        return emit(sz != BPF_DW ? ldsx(sz, scalar(), base, off) : ldx(sz, scalar(), base, off));
      default:
        return emit(ldx(sz, scalar(), base, off));
    }
  }
  void stack_access() { access(R10, -kStackBytes, kStackBytes); }
  void packet_access() { access(R7, 0, kPacketBytes); }

  void atomic_at(Reg base, int begin, int room) {
    constexpr std::array kOps = {int(BPF_ADD),    int(BPF_OR),      int(BPF_AND),     int(BPF_XOR),  int(BPF_ADD) | 1,
                                 int(BPF_OR) | 1, int(BPF_AND) | 1, int(BPF_XOR) | 1, int(BPF_XCHG), int(BPF_CMPXCHG)};
    const int sz = chance(50) ? int(BPF_W) : int(BPF_DW);
    emit(atomic(sz, one_of(kOps), base, scalar(), begin + place(insn_access_bytes(u8(sz)), room)));
  }
  void ordered_at(Reg base, int begin, int room) {
    const int sz = size(), off = begin + place(insn_access_bytes(u8(sz)), room);
    emit(chance(50) ? atomic(sz, BPF_LOAD_ACQ, scalar(), base, off) : atomic(sz, BPF_STORE_REL, base, scalar(), off));
  }
  void atomic_access() {
    chance(70) ? atomic_at(R10, -kStackBytes, kStackBytes) : ordered_at(R10, -kStackBytes, kStackBytes);
  }

  void branch(int depth) {
    constexpr std::array kOps = {int(BPF_JEQ),  int(BPF_JNE),  int(BPF_JGT),  int(BPF_JGE),  int(BPF_JLT), int(BPF_JLE),
                                 int(BPF_JSET), int(BPF_JSGT), int(BPF_JSGE), int(BPF_JSLT), int(BPF_JSLE)};
    const int op = one_of(kOps);
    const u32 at = here();
    if (chance(50))
      emit(chance(50) ? jmp_imm(op, scalar(), immediate(), 0) : jmp32_imm(op, scalar(), immediate(), 0));
    else
      emit(chance(50) ? jmp_reg(op, scalar(), scalar(), 0) : jmp32_reg(op, scalar(), scalar(), 0));
    for (u32 n = 1 + pick(3); n > 0; --n) block(depth + 1);
    if (chance(50)) return land(at);
    const u32 over = here();
    emit(ja(0));
    land(at);
    for (u32 n = 1 + pick(3); n > 0; --n) block(depth + 1);
    land(over);
  }

  // A few turns of a straight body; at times may_goto is asked as well, which has turns left.
  void loop() {
    emit(mov64_imm(kCounter, s32(1 + pick(6))));
    in_loop_ = true;
    const u32 begin = here();
    for (u32 n = 1 + pick(3); n > 0; --n) chance(60) ? arithmetic() : chance(50) ? stack_access() : packet_access();
    in_loop_ = false;
    if (chance(30)) emit(may_goto(2));
    emit(add64_imm(kCounter, -1));
    emit(jmp_imm(BPF_JNE, kCounter, 0, s32(begin) - s32(here()) - 1));
  }

  void call_subprogram() {
    calls_.push_back(here());
    emit(call_sub(0));
    refill_arguments();
  }

  // One subprogram of scalars; every call goes to it.
  void append_subprogram() {
    if (calls_.empty()) return;
    for (const u32 at : calls_) source_.insns[at].imm = s32(here() - at - 1);
    emit(mov64_reg(R0, R1));
    emit(mov64_imm(R9, immediate()));
    for (int slot = 0; slot < kSlots; ++slot) emit(stx(BPF_DW, R10, Reg(R1 + slot % 5), -8 * (slot + 1)));
    for (u32 n = 1 + pick(5); n > 0; --n) chance(70) ? arithmetic() : stack_access();
    emit(alu64_reg(BPF_XOR, R0, R9));
    emit(exit_insn());
  }

  void map_access() {
    const u32 map = pick(kMapCount);
    const bool hash = map == kHash;
    const u32 kind = hash ? pick(3) : 0;
    emit(stx(BPF_W, R10, scalar(), -4));
    emit(ldx(BPF_W, R2, R10, -4));
    // Keys collide on purpose; one in five entries of the array is out of range.
    emit(alu64_imm(BPF_MOD, R2, hash ? 11 : s32(kArrayEntries) + 1));
    emit(stx(BPF_W, R10, R2, -4));
    emit(ld_map(R1, map));
    emit(mov64_reg(R2, R10));
    emit(add64_imm(R2, -4));
    if (kind == 2) {
      emit(call_helper(BPF_FUNC_map_delete_elem));
    } else if (kind == 1) {
      emit(mov64_reg(R3, R10));
      emit(add64_imm(R3, -32));
      emit(mov64_imm(R4, s32(pick(3))));
      emit(call_helper(BPF_FUNC_map_update_elem));
    } else {
      emit(call_helper(BPF_FUNC_map_lookup_elem));
      value_access();
    }
    refill_arguments();
  }

  // r0 is a value or null; afterwards it is a scalar again.
  void value_access() {
    emit(mov64_reg(R1, R0));
    emit(mov64_imm(R0, 0));
    for (const Reg r : {R2, R3, R4, R5}) emit(ldx(BPF_DW, r, R10, -8 * int(1 + pick(kSlots))));
    const u32 at = here();
    emit(jmp_imm(BPF_JEQ, R1, 0, 0));
    constexpr std::array kValues = {R0, R2, R3, R4, R5, R9};
    for (u32 n = 1 + pick(3); n > 0; --n) {
      const Reg r = one_of(kValues);
      const int sz = size(), off = place(insn_access_bytes(u8(sz)), kValueBytes);
      switch (pick(3)) {
        case 0:
          emit(ldx(sz, r, R1, off));
          break;
        case 1:
          emit(stx(sz, R1, r, off));
          break;
        default:
          emit(atomic(BPF_DW, BPF_ADD | (chance(50) ? BPF_FETCH : 0), R1, r, place(8, kValueBytes)));
          break;
      }
    }
    land(at);
  }

  void variable_access() {
    const bool packet = chance(60);
    emit(mov64_reg(R5, scalar()));
    emit(alu64_imm(BPF_AND, R5, packet ? 127 : 0x38));
    u32 at = 0;
    if (packet) {
      emit(add64_reg(R5, R7));
      emit(mov64_reg(R4, R5));
      emit(add64_imm(R4, 8));
      at = here();
      emit(jmp_reg(BPF_JGT, R4, R8, 0));
    } else {
      emit(mov64_reg(R4, R10));
      emit(add64_reg(R5, R4));
    }
    const int begin = packet ? 0 : -kStackBytes, sz = size();
    const int off = begin + place(insn_access_bytes(u8(sz)), 8);
    constexpr std::array kFree = {R0, R1, R2, R3, R9};
    emit(chance(50) ? ldx(sz, one_of(kFree), R5, off) : stx(sz, R5, one_of(kFree), off));
    if (packet) land(at);
    refill_arguments();
  }

  void helper() {
    switch (pick(4)) {
      case 0:
        emit(call_helper(BPF_FUNC_get_smp_processor_id));
        break;
      case 1:
        emit(mov64_reg(R1, R6));
        emit(call_helper(BPF_FUNC_xdp_get_buff_len));
        break;
      case 2:
        checksum();
        break;
      default:
        copy_bytes();
        break;
    }
    refill_arguments();
  }

  void checksum() {
    emit(mov64_reg(R5, scalar()));
    emit(mov64_reg(R1, R10));
    emit(add64_imm(R1, -kStackBytes));
    emit(mov64_imm(R2, place(4, 36)));
    emit(mov64_reg(R3, R7));
    emit(mov64_imm(R4, place(4, 36)));
    emit(call_helper(BPF_FUNC_csum_diff));
  }

  void copy_bytes() {
    emit(mov64_reg(R2, scalar()));
    if (chance(80)) emit(alu64_imm(BPF_AND, R2, 63));
    emit(mov64_reg(R1, R6));
    emit(mov64_reg(R3, R10));
    emit(add64_imm(R3, -kStackBytes));
    emit(mov64_imm(R4, s32(1 + pick(kStackBytes))));
    emit(call_helper(chance(50) ? BPF_FUNC_xdp_load_bytes : BPF_FUNC_xdp_store_bytes));
  }

  GeneratorOptions options_;
  std::mt19937_64 random_;
  ProgSource source_;
  std::vector<u32> calls_;
  bool in_loop_ = false;
};

}  // namespace

ProgSource generate_program(u64 seed, const GeneratorOptions& options) {
  return Generator(seed, options).generate();
}

}  // namespace fuzz
