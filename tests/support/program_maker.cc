// SPDX-License-Identifier: Apache-2.0
#include "tests/support/program_maker.h"

#include <array>
#include <random>

#include "bpf/abi/flags.h"
#include "bpf/abi/func_id.h"
#include "tests/support/insn.h"

namespace support {
namespace {

using namespace bpf;  // NOLINT: the words of the ABI

enum MapIndex : base::u32 { kArray, kHash, kGlobal, kConstant, kPerCpu, kDev };

// What the maker believes a register holds; mostly right, since jumps are not followed.
enum class Guess { none, scalar, small, ctx, packet, end, meta, value, maybe_value, stack };

class Maker {
 public:
  explicit Maker(base::u64 seed) : random_(seed) {}

  std::vector<bpf_insn> make() {
    prologue();
    const int items = 2 + pick(14);
    for (int i = 0; i < items; ++i) {
      begins_.push_back(insns_.size());
      item();
    }
    begins_.push_back(insns_.size());
    epilogue();
    if (wants_subprog_) subprog();
    fix_jumps();
    return insns_;
  }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool chance(int percent) { return pick(100) < percent; }

  void emit(Op op) {
    for (int i = 0; i < op.count; ++i) insns_.push_back(op.insns[static_cast<unsigned>(i)]);
  }

  Reg any() { return static_cast<Reg>(pick(10)); }
  // A register that likely holds one of the wanted guesses.
  Reg with(std::initializer_list<Guess> wanted) {
    if (chance(1)) return static_cast<Reg>(pick(11));
    std::vector<Reg> found;
    for (int r = 0; r < 10; ++r)
      for (const Guess g : wanted)
        if (guess_[static_cast<unsigned>(r)] == g) found.push_back(static_cast<Reg>(r));
    if (found.empty()) return fresh(wanted);
    return found[static_cast<unsigned>(pick(static_cast<int>(found.size())))];
  }
  // None there: makes one where that is easy.
  Reg fresh(std::initializer_list<Guess> wanted) {
    const Guess first = *wanted.begin();
    if (first == Guess::scalar || first == Guess::small) {
      const Reg r = static_cast<Reg>(chance(50) ? 0 : 9);
      emit(mov64_imm(r, edge()));
      set(r, Guess::scalar);
      return r;
    }
    if (first == Guess::value) {
      const Reg r = static_cast<Reg>(chance(50) ? 5 : 9);
      emit(ld_map_value(r, kGlobal, 0));
      set(r, Guess::value);
      return r;
    }
    return R10;
  }
  Reg number() { return with({Guess::scalar, Guess::small}); }
  Reg target() { return static_cast<Reg>(chance(1) && chance(20) ? 10 : chance(60) ? pick(6) : 6 + pick(4)); }
  void set(Reg r, Guess g) {
    if (r < 10) guess_[static_cast<unsigned>(r)] = g;
  }

  base::s64 edge() {
    static constexpr base::s64 kEdges[] = {0,   1,   2,     3,      4,      7,      8,       14,
                                           15,  16,  31,    32,     63,     64,     127,     128,
                                           255, 256, 0xfff, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
                                           -1,  -2,  -4,    -8,     -16,    -128,   -0x8000, -0x7fffffff - 1};
    return chance(85) ? kEdges[pick(std::size(kEdges))] : static_cast<base::s32>(random_());
  }
  int size() {
    static constexpr int kSizes[] = {BPF_B, BPF_H, BPF_W, BPF_DW};
    return kSizes[pick(4)];
  }
  static int bytes(int size) { return size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8; }
  int stack_offset(int n) {
    if (chance(4)) return -pick(520) + 4;
    return -8 * (1 + pick(4)) + (n < 8 ? n * pick(8 / n) : 0);
  }

  void lose_caller_saved() {
    for (unsigned r = 0; r < 6; ++r) guess_[r] = Guess::none;
    for (const Reg r : {R1, R2, R3, R4, R5}) {
      if (chance(40)) continue;
      emit(mov64_imm(r, edge()));
      set(r, Guess::scalar);
    }
  }

  void prologue() {
    guess_.fill(Guess::none);
    guess_[1] = Guess::ctx;
    emit(mov64_reg(R6, R1));
    set(R6, Guess::ctx);
    if (chance(80)) {
      emit(ldx(BPF_W, R7, R6, 0));
      emit(ldx(BPF_W, R8, R6, 4));
      set(R7, Guess::packet);
      set(R8, Guess::end);
    }
    for (const Reg r : {R0, R2, R3, R4, R5, R9}) {
      if (chance(10)) continue;
      emit(mov64_imm(r, edge()));
      set(r, Guess::scalar);
    }
    if (chance(85)) check_packet(R7, R8);
    if (chance(60)) {
      emit(call_helper(BPF_FUNC_get_prandom_u32));
      lose_caller_saved();
      set(R0, Guess::scalar);
      emit(mov64_reg(R9, R0));
      set(R9, Guess::scalar);
    }
  }

  void check_packet(Reg packet, Reg end) {
    const Reg t = static_cast<Reg>(2 + pick(4));
    emit(mov64_reg(t, packet));
    emit(add64_imm(t, chance(96) ? 8 * (1 + pick(8)) : edge()));
    static constexpr int kOps[] = {BPF_JGT, BPF_JGE, BPF_JLT, BPF_JLE};
    const int op = chance(60) ? int{BPF_JGT} : kOps[pick(4)];
    const bool far_taken = op == BPF_JGT || op == BPF_JGE;
    if (chance(4)) {
      jump(jmp_reg(op, end, t, 0));
    } else if (far_taken) {
      leave(jmp_reg(op, t, end, 0));
    } else {
      emit(jmp_reg(op, t, end, 1));
      leave(ja(0));
    }
    set(t, Guess::packet);
  }

  // Jumps go to the beginning of a later item, now and then of an earlier one.
  void jump(Op op) {
    jumps_.push_back({insns_.size(), chance(2) ? -1 : 1 + pick(3), begins_.size()});
    emit(op);
  }

  // Mostly to the end of the program: what a failed check does.
  void leave(Op op) {
    if (chance(25)) return jump(op);
    jumps_.push_back({insns_.size(), 1000, begins_.size()});
    emit(op);
  }

  void item() {
    switch (pick(16)) {
      case 0:
      case 1:
      case 2:
        return arithmetic();
      case 3:
      case 4:
        return branch();
      case 5:
        return store_stack();
      case 6:
        return load_stack();
      case 7:
        return use_packet();
      case 8:
        return look_up();
      case 9:
        return use_value();
      case 10:
        return bound();
      case 11:
        return move_pointer();
      case 12:
        return helper();
      case 13:
        return loop();
      case 14:
        return atomic_op();
      default:
        return odd();
    }
  }

  void arithmetic() {
    static constexpr int kOps[] = {BPF_ADD, BPF_SUB, BPF_MUL, BPF_DIV, BPF_OR,  BPF_AND,
                                   BPF_LSH, BPF_RSH, BPF_MOD, BPF_XOR, BPF_ARSH};
    const int op = kOps[pick(std::size(kOps))];
    const bool is_shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
    Reg d = number();
    if (chance(30)) {
      const Reg t = target();
      emit(chance(50)   ? mov64_imm(t, edge())
           : chance(70) ? mov64_reg(t, d)
           : chance(50) ? mov32_reg(t, d)
                        : movsx64_reg(t, d, 8 << pick(3)));
      set(t, Guess::scalar);
      d = t;
    }
    if (chance(4))
      return emit(chance(50)   ? neg64(d)
                  : chance(50) ? neg32(d)
                  : chance(50) ? to_be(d, 16 << pick(3))
                               : bswap(d, 16 << pick(3)));
    const int off = (op == BPF_DIV || op == BPF_MOD) && chance(30) ? 1 : 0;
    if (chance(40)) {
      const Reg s = number();
      emit(chance(60) ? alu64_reg(op, d, s, off) : alu32_reg(op, d, s, off));
    } else {
      const base::s64 imm = is_shift ? pick(chance(5) ? 70 : 32) : edge();
      emit(chance(60) ? alu64_imm(op, d, imm, off) : alu32_imm(op, d, imm, off));
    }
    set(d, Guess::scalar);
  }

  void branch() {
    static constexpr int kOps[] = {BPF_JEQ,  BPF_JGT, BPF_JGE, BPF_JSET, BPF_JNE, BPF_JSGT,
                                   BPF_JSGE, BPF_JLT, BPF_JLE, BPF_JSLT, BPF_JSLE};
    const int op = kOps[pick(std::size(kOps))];
    const Reg d = chance(95) ? number() : any();
    if (chance(40)) {
      const Reg s = chance(95) ? number() : any();
      jump(chance(60) ? jmp_reg(op, d, s, 0) : jmp32_reg(op, d, s, 0));
    } else {
      jump(chance(60) ? jmp_imm(op, d, edge(), 0) : jmp32_imm(op, d, edge(), 0));
    }
  }

  void store_stack() {
    const int s = chance(50) ? int{BPF_DW} : size();
    if (chance(40)) return emit(st(s, R10, stack_offset(bytes(s)), edge()));
    const Reg r =
        chance(70) ? number()
                   : with({Guess::scalar, Guess::packet, Guess::value, Guess::ctx, Guess::stack, Guess::maybe_value});
    emit(stx(chance(80) ? s : int{BPF_DW}, R10, r, stack_offset(bytes(s))));
  }

  void load_stack() {
    const int s = chance(50) ? int{BPF_DW} : size();
    const Reg t = target();
    emit(chance(10) && s != BPF_DW ? ldsx(s, t, R10, stack_offset(bytes(s))) : ldx(s, t, R10, stack_offset(bytes(s))));
    set(t, Guess::scalar);
  }

  void use_packet() {
    const Reg p = with({Guess::packet});
    if (chance(15)) {
      emit(ldx(BPF_W, R5, R6, chance(80) ? 8 : edge() & 31));
      set(R5, Guess::meta);
      if (chance(60)) {
        emit(mov64_reg(R4, R5));
        emit(add64_imm(R4, 8));
        jump(jmp_reg(BPF_JGT, R4, R7, 0));
        emit(ldx(size(), R3, R5, pick(9)));
        set(R3, Guess::scalar);
      }
      return;
    }
    const int s = size(), off = chance(95) ? pick(9) : static_cast<base::s16>(edge());
    if (chance(60)) {
      const Reg t = target();
      emit(ldx(s, t, p, off));
      set(t, Guess::scalar);
    } else if (chance(50)) {
      emit(st(s, p, off, edge()));
    } else {
      emit(stx(s, p, number(), off));
    }
  }

  void key(int n, int off) {
    for (int at = 0; at < n; at += 4) emit(st(BPF_W, R10, off + at, chance(70) ? pick(6) : edge()));
    emit(mov64_reg(R2, chance(97) ? R10 : any()));
    emit(add64_imm(R2, off));
  }

  void look_up() {
    static constexpr base::u32 kMaps[] = {kArray, kArray, kHash, kPerCpu, kConstant};
    const base::u32 map = kMaps[pick(std::size(kMaps))];
    key(map == kHash ? 8 : 4, chance(70) ? -8 : -12);
    emit(ld_map(R1, chance(97) ? map : base::u32{kDev}));
    emit(call_helper(BPF_FUNC_map_lookup_elem));
    lose_caller_saved();
    set(R0, Guess::maybe_value);
    if (chance(85)) {
      if (chance(70)) {
        leave(jmp_imm(BPF_JEQ, R0, 0, 0));
      } else {
        emit(jmp_imm(BPF_JNE, R0, 0, 1));
        leave(ja(0));
      }
      set(R0, Guess::value);
    }
    if (chance(50)) {
      const Reg t = static_cast<Reg>(6 + pick(4));
      emit(mov64_reg(t, R0));
      set(t, guess_[0]);
    }
  }

  void use_value() {
    Reg p = with({Guess::value});
    if (chance(25)) {
      p = target();
      emit(ld_map_value(p, chance(70) ? base::u32{kGlobal} : base::u32{kConstant},
                        static_cast<base::u32>(chance(97) ? pick(8) : pick(20))));
      set(p, Guess::value);
    }
    const int s = size(), off = chance(85) ? bytes(s) * pick(3) : static_cast<base::s16>(edge());
    if (chance(60)) {
      const Reg t = target();
      emit(ldx(s, t, p, off));
      set(t, Guess::scalar);
    } else {
      emit(chance(50) ? st(s, p, off, edge()) : stx(s, p, number(), off));
    }
  }

  // Gives a number bounds, as programs do before using it as an index.
  void bound() {
    const Reg d = number();
    switch (pick(4)) {
      case 0:
        emit(chance(50) ? alu64_imm(BPF_AND, d, (1 << pick(9)) - 1) : alu32_imm(BPF_AND, d, (1 << pick(9)) - 1));
        break;
      case 1:
        jump(chance(50) ? jmp_imm(BPF_JGT, d, pick(64), 0) : jmp32_imm(BPF_JGT, d, pick(64), 0));
        break;
      case 2:
        jump(jmp_imm(BPF_JSLT, d, 0, 0));
        jump(jmp_imm(BPF_JSGT, d, pick(64), 0));
        break;
      default:
        emit(alu64_imm(BPF_RSH, d, 32 + pick(31)));
        break;
    }
    set(d, Guess::small);
  }

  void move_pointer() {
    const Reg p = with({Guess::packet, Guess::value, Guess::stack, Guess::packet});
    const Reg t = target();
    if (chance(20)) {
      emit(mov64_reg(t, R10));
      emit(add64_imm(t, -8 * (1 + pick(8))));
      set(t, Guess::stack);
      if (chance(60)) return;
    } else {
      emit(mov64_reg(t, p));
      set(t, guess_[p < 10 ? static_cast<unsigned>(p) : 0]);
    }
    if (chance(40)) {
      emit(chance(90) ? add64_imm(t, chance(93) ? pick(9) : edge()) : alu64_imm(BPF_SUB, t, pick(9)));
    } else {
      const Reg n = with({Guess::small, Guess::scalar});
      if (chance(70)) emit(alu64_imm(BPF_AND, n, (1 << pick(6)) - 1));
      emit(chance(85) ? add64_reg(t, n) : alu64_reg(BPF_SUB, t, n));
    }
    if (guess_[static_cast<unsigned>(t) % 10] == Guess::packet && chance(70)) check_packet(t, R8);
    if (chance(60)) {
      const Reg out = target();
      emit(ldx(size(), out, t, pick(9) - 1));
      set(out, Guess::scalar);
    }
  }

  void helper() {
    switch (pick(8)) {
      case 0:
        emit(mov64_reg(R1, R6));
        emit(mov64_imm(R2, edge()));
        emit(call_helper(chance(40)   ? BPF_FUNC_xdp_adjust_head
                         : chance(50) ? BPF_FUNC_xdp_adjust_tail
                                      : BPF_FUNC_xdp_adjust_meta));
        break;
      case 1: {  // memory and size
        const int n = 8 * (1 + pick(4));
        emit(mov64_reg(R3, chance(70) ? R10 : with({Guess::packet, Guess::value})));
        emit(add64_imm(R3, chance(70) ? -n : edge()));
        const Reg size_reg = number();
        const bool constant = chance(60);
        emit(mov64_reg(R1, R6));
        emit(mov64_imm(R2, 0));
        if (constant || size_reg < 6) {
          emit(mov64_imm(R4, chance(80) ? n : edge()));
        } else {
          emit(mov64_reg(R4, size_reg));
          emit(alu64_imm(BPF_AND, R4, 15));
          if (chance(80)) emit(add64_imm(R4, 1));
        }
        emit(call_helper(chance(60) ? BPF_FUNC_xdp_load_bytes : BPF_FUNC_xdp_store_bytes));
        break;
      }
      case 2:
        emit(st(BPF_DW, R10, -24, edge()));
        emit(st(BPF_DW, R10, -16, edge()));
        key(8, -8);
        emit(mov64_reg(R3, chance(80) ? R10 : with({Guess::packet, Guess::value})));
        emit(add64_imm(R3, chance(85) ? -24 : edge()));
        emit(mov64_imm(R4, 0));
        emit(ld_map(R1, chance(85) ? base::u32{kHash} : chance(50) ? base::u32{kArray} : base::u32{kConstant}));
        emit(call_helper(BPF_FUNC_map_update_elem));
        break;
      case 3:
        emit(ld_map(R1, chance(90) ? base::u32{kDev} : base::u32{kHash}));
        emit(mov64_imm(R2, pick(4)));
        emit(mov64_imm(R3, pick(4)));
        emit(call_helper(BPF_FUNC_redirect_map));
        break;
      case 4:
        emit(mov64_imm(R1, 0));
        emit(mov64_imm(R2, chance(90) ? 0 : 8));
        emit(mov64_reg(R3, chance(50) ? R10 : with({Guess::packet, Guess::value})));
        emit(add64_imm(R3, chance(60) ? -8 : 0));
        emit(mov64_imm(R4, chance(85) ? 8 : edge()));
        emit(mov64_imm(R5, 0));
        emit(call_helper(BPF_FUNC_csum_diff));
        break;
      case 5:
        if (!chance(60)) {
          emit(call_helper(pick(212)));
          break;
        }
        wants_subprog_ = true;
        emit(mov64_reg(R1, chance(50) ? R10 : with({Guess::scalar, Guess::packet, Guess::value})));
        if (chance(60)) emit(add64_imm(R1, -8));
        emit(mov64_imm(R2, edge()));
        calls_.push_back(insns_.size());
        emit(call_sub(0));
        break;
      default:
        emit(call_helper(chance(50) ? BPF_FUNC_get_prandom_u32 : BPF_FUNC_ktime_get_ns));
        break;
    }
    lose_caller_saved();
    set(R0, Guess::scalar);
  }

  void loop() {
    const Reg i = static_cast<Reg>(chance(50) ? 9 : pick(6));
    const int turns = chance(98) ? 1 + pick(20) : 1000;
    emit(mov64_imm(i, 0));
    const int begin = static_cast<int>(insns_.size());
    if (chance(30)) emit(stx(BPF_B, R10, i, -40 + pick(8)));
    if (chance(30)) {
      const Reg d = number();
      if (d != i) emit(alu64_imm(BPF_ADD, d, 1));
    }
    emit(add64_imm(i, chance(95) ? 1 : pick(3)));
    const int back = begin - static_cast<int>(insns_.size()) - 1;
    emit(chance(60)   ? jmp_imm(BPF_JLT, i, turns, back)
         : chance(50) ? jmp_imm(BPF_JNE, i, turns, back)
                      : jmp32_imm(BPF_JLT, i, turns, back));
    set(i, Guess::small);
  }

  void atomic_op() {
    static constexpr int kOps[] = {BPF_ADD, BPF_OR, BPF_AND, BPF_XOR};
    const int s = chance(70) ? int{BPF_DW} : chance(80) ? int{BPF_W} : size();
    const Reg p = chance(50) ? R10 : chance(97) ? with({Guess::value}) : with({Guess::packet});
    const int off = p == R10 ? stack_offset(bytes(s)) : bytes(s) * pick(2);
    int op = kOps[pick(4)] | (chance(50) ? int{BPF_FETCH} : 0);
    if (chance(40)) {
      static constexpr int kOthers[] = {BPF_XCHG, BPF_CMPXCHG, BPF_LOAD_ACQ, BPF_STORE_REL};
      op = kOthers[pick(4)];
    }
    const Reg n = number();
    if (op == BPF_LOAD_ACQ) {
      const Reg t = target();
      emit(atomic(s, op, t, p, off));
      set(t, Guess::scalar);
    } else {
      emit(atomic(s, op, p, n, off));
    }
  }

  void odd() {
    switch (pick(6)) {
      case 0:
        emit(ldx(BPF_W, R3, R6, chance(95) ? 4 * pick(5) : static_cast<int>(edge() & 63)));
        set(R3, Guess::scalar);
        break;
      case 1:
        emit(mov64_reg(target(), chance(20) ? any() : number()));
        break;
      case 2:
        emit(chance(20) ? alu64_reg(BPF_SUB, any(), any()) : alu64_reg(BPF_SUB, R8, R7));
        set(R8, Guess::scalar);
        break;
      case 3:
        emit(ld_imm64(R4, random_()));
        set(R4, Guess::scalar);
        break;
      case 4:
        jump(jmp_reg(chance(50) ? BPF_JEQ : BPF_JNE, R7, chance(20) ? any() : R8, 0));
        break;
      default: {
        bpf_insn i{};
        i.code = static_cast<base::u8>(random_());
        i.dst_reg = static_cast<base::u8>(pick(11)) & 0xf;
        i.src_reg = static_cast<base::u8>(pick(11)) & 0xf;
        i.off = static_cast<base::s16>(chance(50) ? 0 : pick(16) - 8);
        i.imm = static_cast<base::s32>(chance(50) ? 0 : edge());
        if (chance(15)) emit(i);
        break;
      }
    }
  }

  void epilogue() {
    if (!chance(4)) emit(mov64_imm(R0, pick(6)));
    emit(exit_insn());
  }

  void subprog() {
    const std::size_t begin = insns_.size();
    for (const std::size_t call : calls_) insns_[call].imm = static_cast<base::s32>(begin - call - 1);
    if (chance(40)) emit(stx(BPF_DW, R10, R2, -8 * (1 + pick(chance(90) ? 8 : 70))));
    if (chance(40)) emit(chance(50) ? ldx(BPF_DW, R3, R1, 0) : st(BPF_DW, R1, 0, edge()));
    if (chance(30)) emit(alu64_imm(BPF_AND, R2, 0xff));
    emit(chance(60) ? mov64_reg(R0, R2) : chance(80) ? mov64_imm(R0, 1) : mov64_reg(R0, static_cast<Reg>(pick(11))));
    emit(exit_insn());
  }

  void fix_jumps() {
    for (const Jump& j : jumps_) {
      const long wanted = static_cast<long>(j.item) + j.forward - 1;
      const std::size_t k =
          static_cast<std::size_t>(std::max(0L, std::min(wanted, static_cast<long>(begins_.size()) - 1)));
      insns_[j.at].off = static_cast<base::s16>(static_cast<long>(begins_[k]) - static_cast<long>(j.at) - 1);
    }
  }

  struct Jump {
    std::size_t at;
    int forward;
    std::size_t item;
  };
  std::mt19937_64 random_;
  std::vector<bpf_insn> insns_;
  std::vector<std::size_t> begins_;
  std::vector<Jump> jumps_;
  std::vector<std::size_t> calls_;
  std::array<Guess, 10> guess_{};
  bool wants_subprog_ = false;
};

MapFacts make_map(bpf_map_type type, base::u32 key, base::u32 value, base::u32 entries, base::u32 flags = 0) {
  MapFacts m;
  m.type = type;
  m.key_size = key;
  m.value_size = value;
  m.max_entries = entries;
  m.map_flags = flags;
  m.name = "m";
  return m;
}

}  // namespace

std::vector<MapFacts> fuzz_maps() {
  std::vector<MapFacts> maps = {
      make_map(BPF_MAP_TYPE_ARRAY, 4, 16, 4),        make_map(BPF_MAP_TYPE_HASH, 8, 24, 16),
      make_map(BPF_MAP_TYPE_ARRAY, 4, 16, 1),        make_map(BPF_MAP_TYPE_ARRAY, 4, 16, 1, BPF_F_RDONLY_PROG),
      make_map(BPF_MAP_TYPE_PERCPU_ARRAY, 4, 16, 4), make_map(BPF_MAP_TYPE_DEVMAP, 4, 4, 4)};
  MapFacts& constant = maps[kConstant];
  constant.frozen = true;
  for (int i = 0; i < 16; ++i) constant.contents.push_back(static_cast<std::byte>(i * 37));
  return maps;
}

ProgSource make_program(base::u64 seed) {
  ProgSource source;
  source.type = BPF_PROG_TYPE_XDP;
  source.gpl_compatible = true;
  source.name = "fuzz";
  source.maps = fuzz_maps();
  source.insns = Maker(seed).make();
  return source;
}

}  // namespace support
