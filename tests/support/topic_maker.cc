// SPDX-License-Identifier: Apache-2.0
#include "tests/support/topic_maker.h"

#include <random>

#include "bpf/abi/flags.h"
#include "bpf/abi/func_id.h"
#include "tests/support/insn.h"
#include "tests/support/program_maker.h"

namespace support {
namespace {

using namespace bpf;  // NOLINT: the words of the ABI

enum MapIndex : base::u32 { kArray, kHash, kGlobal, kConstant, kPerCpu, kDev, kRing, kProgs };
constexpr int kValueBytes = 16;

struct TypeRow {
  bpf_prog_type type;
  int attach;
  int number;  // offset of a context word that is any number, -1: none
  int data;    // of the packet's begin, its end follows; -1: none
  int weight;
};
constexpr TypeRow kTypes[] = {
    {BPF_PROG_TYPE_XDP, 0, 12, 0, 6},
    {BPF_PROG_TYPE_SCHED_CLS, 0, 0, 76, 5},
    {BPF_PROG_TYPE_SOCKET_FILTER, 0, 0, -1, 5},
    {BPF_PROG_TYPE_CGROUP_SKB, 0, 0, 76, 4},
    {BPF_PROG_TYPE_LWT_XMIT, 0, 0, 76, 1},
    {BPF_PROG_TYPE_LWT_IN, 0, 0, 76, 1},
    {BPF_PROG_TYPE_SK_SKB, 0, 0, 76, 1},
    {BPF_PROG_TYPE_FLOW_DISSECTOR, 0, -1, 76, 1},
    {BPF_PROG_TYPE_SK_LOOKUP, 36, -1, -1, 1},
    {BPF_PROG_TYPE_KPROBE, 0, -1, -1, 1},
    {BPF_PROG_TYPE_TRACEPOINT, 0, -1, -1, 1},
    {BPF_PROG_TYPE_RAW_TRACEPOINT, 0, -1, -1, 1},
    {BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 8, 4, -1, 1},
    {BPF_PROG_TYPE_SOCK_OPS, 0, 0, -1, 1},
};

class Maker {
 public:
  explicit Maker(base::u64 seed) : random_(seed) {}

  ProgSource make() {
    choose_type();
    prologue();
    const int count = 1 + pick(7);
    for (int i = 0; i < count; ++i) topic();
    begin_of_end_ = insns_.size();
    emit(mov64_imm(R0, chance(96) ? 0 : pick(5)));
    emit(exit_insn());
    finish();
    source_.insns = std::move(insns_);
    return std::move(source_);
  }

 private:
  int pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool chance(int percent) { return pick(100) < percent; }
  template <class T, std::size_t N>
  T one_of(const T (&list)[N]) {
    return list[static_cast<std::size_t>(pick(static_cast<int>(N)))];
  }
  void emit(Op op) {
    for (int i = 0; i < op.count; ++i) insns_.push_back(op.insns[static_cast<unsigned>(i)]);
  }
  // Now and then one beside what is right.
  int near(int right) { return chance(93) ? right : right + one_of({-8, -4, -1, 1, 2, 4, 8}); }
  base::s64 edge() {
    static constexpr base::s64 kEdges[] = {0,
                                           1,
                                           2,
                                           3,
                                           7,
                                           8,
                                           15,
                                           16,
                                           31,
                                           32,
                                           63,
                                           64,
                                           127,
                                           128,
                                           255,
                                           256,
                                           511,
                                           512,
                                           0x7fff,
                                           0xffff,
                                           0x7fffffff,
                                           -1,
                                           -2,
                                           -8,
                                           -16,
                                           -128,
                                           -512,
                                           -0x8000,
                                           -0x7fffffff - 1};
    return chance(88) ? one_of(kEdges) : static_cast<base::s32>(random_());
  }
  int size() { return one_of({int{BPF_B}, int{BPF_H}, int{BPF_W}, int{BPF_DW}}); }
  static int bytes(int size) { return size == BPF_B ? 1 : size == BPF_H ? 2 : size == BPF_W ? 4 : 8; }
  Reg number() { return chance(60) ? R7 : R8; }
  Reg scratch() { return one_of({R1, R2, R3, R4, R5, R9}); }
  int compare() {
    return one_of({int{BPF_JEQ}, int{BPF_JNE}, int{BPF_JGT}, int{BPF_JGE}, int{BPF_JLT}, int{BPF_JLE}, int{BPF_JSGT},
                   int{BPF_JSGE}, int{BPF_JSLT}, int{BPF_JSLE}, int{BPF_JSET}});
  }
  void leave(Op op) {
    to_end_.push_back(insns_.size());
    emit(op);
  }

  void choose_type() {
    int total = 0;
    for (const TypeRow& t : kTypes) total += t.weight;
    int at = pick(total);
    type_ = kTypes;
    while ((at -= type_->weight) >= 0) ++type_;
    source_.type = type_->type;
    source_.expected_attach_type = static_cast<bpf_attach_type>(type_->attach);
    source_.gpl_compatible = true;
    source_.name = "topics";
    source_.maps = fuzz_maps();
    MapFacts ring;
    ring.type = BPF_MAP_TYPE_RINGBUF;
    ring.max_entries = 4096;
    ring.name = "ring";
    source_.maps.push_back(ring);
    MapFacts progs;
    progs.type = BPF_MAP_TYPE_PROG_ARRAY;
    progs.key_size = progs.value_size = progs.max_entries = 4;
    progs.name = "progs";
    source_.maps.push_back(progs);
    if (chance(10)) source_.prog_flags |= BPF_F_TEST_STATE_FREQ;
    if (chance(5)) source_.prog_flags |= BPF_F_STRICT_ALIGNMENT;
    const bool everybody = type_->type == BPF_PROG_TYPE_SOCKET_FILTER || type_->type == BPF_PROG_TYPE_CGROUP_SKB;
    const bool kernel = type_->type == BPF_PROG_TYPE_KPROBE || type_->type == BPF_PROG_TYPE_TRACEPOINT ||
                        type_->type == BPF_PROG_TYPE_RAW_TRACEPOINT;
    if (chance(25)) source_.caps = {.bpf = !everybody || chance(50), .perfmon = kernel, .net_admin = true};
  }

  void any_number(Reg r) {
    if (type_->number >= 0 && chance(60)) return emit(ldx(BPF_W, r, R6, type_->number));
    emit(call_helper(one_of({BPF_FUNC_get_prandom_u32, BPF_FUNC_ktime_get_ns})));
    emit(mov64_reg(r, R0));
  }

  void prologue() {
    emit(mov64_reg(R6, R1));
    any_number(R7);
    any_number(R8);
    if (chance(70)) emit(alu64_imm(BPF_AND, R8, one_of({1, 3, 7, 15, 31, 63, 255})));
    emit(mov64_imm(R9, edge()));
    for (int s = 1; s <= 4; ++s)
      if (chance(80)) emit(st(BPF_DW, R10, -8 * s, chance(50) ? 0 : edge()));
  }

  void topic() {
    using Topic = void (Maker::*)();
    static constexpr Topic kTopics[] = {
        &Maker::arithmetic,   &Maker::arithmetic,  &Maker::branch,  &Maker::branch,      &Maker::index,
        &Maker::index,        &Maker::linked,      &Maker::linked,  &Maker::spill,       &Maker::spill,
        &Maker::null_checks,  &Maker::stack_index, &Maker::packet,  &Maker::packet,      &Maker::packet_index,
        &Maker::helper_bytes, &Maker::record,      &Maker::call,    &Maker::loop,        &Maker::atomics,
        &Maker::bits,         &Maker::constants,   &Maker::context, &Maker::value_moves, &Maker::tail_call,
        &Maker::signs};
    (this->*one_of(kTopics))();
  }

  void arithmetic() {
    const int op = one_of({int{BPF_ADD}, int{BPF_SUB}, int{BPF_MUL}, int{BPF_DIV}, int{BPF_OR}, int{BPF_AND},
                           int{BPF_LSH}, int{BPF_RSH}, int{BPF_MOD}, int{BPF_XOR}, int{BPF_ARSH}});
    const bool shift = op == BPF_LSH || op == BPF_RSH || op == BPF_ARSH;
    const int off = (op == BPF_DIV || op == BPF_MOD) && chance(40) ? 1 : 0;
    const Reg d = number();
    if (chance(40)) return emit(chance(60) ? alu64_reg(op, d, number(), off) : alu32_reg(op, d, number(), off));
    const bool zero_bad = op == BPF_DIV || op == BPF_MOD;
    base::s64 imm = shift ? pick(chance(3) ? 65 : 32) : edge();
    if (zero_bad && imm == 0 && chance(95)) imm = 3;
    emit(chance(60) ? alu64_imm(op, d, imm, off) : alu32_imm(op, d, imm, off));
  }

  // Both ways go on; on one the number changes.
  void branch() {
    const Reg d = number();
    const int op = compare();
    const Reg s = d == R7 ? R8 : R7;
    emit(chance(40) ? (chance(60) ? jmp_reg(op, d, s, 1) : jmp32_reg(op, d, s, 1))
                    : (chance(60) ? jmp_imm(op, d, edge(), 1) : jmp32_imm(op, d, edge(), 1)));
    emit(chance(50) ? mov64_imm(number(), edge()) : chance(50) ? alu64_imm(BPF_AND, d, 15) : add64_imm(d, edge()));
  }

  // Bounds for a number below `limit`, in one of the ways in which programs give them.
  void bound(Reg r, int limit) {
    const int last = near(limit - 1);
    switch (pick(7)) {
      case 0:
        return emit(alu64_imm(BPF_AND, r, last));
      case 1:
        return leave(jmp_imm(BPF_JGT, r, last, 0));
      case 2:
        return leave(jmp_imm(BPF_JGE, r, last + 1, 0));
      case 3:
        leave(jmp_imm(BPF_JSGT, r, last, 0));
        if (!chance(5)) leave(jmp_imm(BPF_JSLT, r, chance(95) ? 0 : -1, 0));
        return;
      case 4:
        emit(mov32_reg(r, r));
        return leave(jmp32_imm(BPF_JGT, r, last, 0));
      case 5:
        emit(alu64_imm(BPF_RSH, r, near(60)));
        return leave(jmp_imm(BPF_JGT, r, last, 0));
      default:
        emit(alu64_imm(BPF_MOD, r, limit));
        return;
    }
  }

  void look_up(base::u32 map) {
    emit(st(BPF_W, R10, -36, chance(50) ? pick(6) : edge()));
    emit(st(BPF_W, R10, -40, 0));
    emit(mov64_reg(R2, R10));
    emit(add64_imm(R2, map == kHash ? -40 : -36));
    emit(ld_map(R1, map));
    emit(call_helper(BPF_FUNC_map_lookup_elem));
  }

  void value(Reg r) {
    if (chance(40)) return emit(ld_map_value(r, chance(80) ? base::u32{kGlobal} : base::u32{kConstant}, 0));
    look_up(one_of({base::u32{kArray}, base::u32{kPerCpu}}));
    leave(jmp_imm(BPF_JEQ, R0, 0, 0));
    emit(mov64_reg(r, R0));
  }

  void index() {
    const int s = size(), extra = pick(9);
    value(R9);
    const Reg n = number();
    emit(mov64_reg(R3, n));
    bound(R3, kValueBytes - extra - bytes(s) + 1);
    if (chance(20)) emit(stx(BPF_DW, R10, R3, -16)), emit(ldx(BPF_DW, R3, R10, -16));
    emit(add64_reg(R9, R3));
    emit(chance(70) ? ldx(s, R7, R9, near(extra)) : stx(s, R9, chance(97) ? n : R10, near(extra)));
    if (chance(30)) emit(mov64_imm(R9, 0));
  }

  // What a branch teaches of a number, its copies learn.
  void linked() {
    const Reg n = number(), c = R3;
    emit(chance(70) ? mov64_reg(c, n) : mov32_reg(c, n));
    const bool apart = chance(50);
    const int distance = apart ? one_of({1, 2, 4, -1, -4, 100}) : 0;
    if (apart) emit(chance(70) ? add64_imm(c, distance) : alu32_imm(BPF_ADD, c, distance));
    if (chance(30)) emit(mov64_reg(R4, c));
    if (chance(20)) emit(stx(BPF_DW, R10, c, -24));
    const int limit = 1 + pick(8);
    const bool on_copy = chance(50);
    leave(chance(70) ? jmp_imm(BPF_JGT, on_copy ? c : n, limit, 0) : jmp32_imm(BPF_JGT, on_copy ? c : n, limit, 0));
    if (chance(30)) leave(jmp_imm(BPF_JLT, on_copy ? c : n, chance(50) ? 0 : 1, 0));
    emit(ld_map_value(R5, kGlobal, 0));
    Reg used = on_copy ? n : c;
    if (chance(20)) emit(ldx(BPF_DW, used, R10, -24));
    if (distance < 0 && chance(50)) emit(add64_imm(used, -distance));
    emit(add64_reg(R5, used));
    emit(ldx(BPF_B, R2, R5, near(pick(5))));
  }

  void spill() {
    const int s = size(), slot = -8 * (1 + pick(4));
    const Reg n = chance(70) ? number() : one_of({R6, R10, R9});
    emit(stx(n == R7 || n == R8 ? s : int{BPF_DW}, R10, n, slot));
    if (chance(30)) emit(st(size(), R10, slot + pick(8), edge()));
    if (chance(30))
      leave(chance(50) ? jmp_imm(compare(), number(), edge(), 0) : jmp32_imm(compare(), number(), edge(), 0));
    const int back = chance(70) ? s : size();
    const int off = chance(75) ? 0 : bytes(back) * pick(8 / bytes(back));
    emit(chance(15) && back != BPF_DW ? ldsx(back, R3, R10, slot + off) : ldx(back, R3, R10, slot + off));
    if (n != R7 && n != R8) return;
    if (chance(50)) emit(mov64_reg(n, R3));
    if (chance(40)) leave(jmp_imm(BPF_JGT, R3, 7, 0));
  }

  void null_checks() {
    look_up(one_of({base::u32{kArray}, base::u32{kHash}, base::u32{kPerCpu}}));
    Reg checked = R0;
    if (chance(50)) emit(mov64_reg(R9, R0)), checked = chance(50) ? R9 : R0;
    const bool spilled = chance(40);
    if (spilled) emit(stx(BPF_DW, R10, R0, -48));
    switch (pick(4)) {
      case 0:
        leave(jmp_imm(BPF_JEQ, checked, 0, 0));
        break;
      case 1:
        emit(jmp_imm(BPF_JNE, checked, 0, 1));
        leave(ja(0));
        break;
      case 2:
        emit(mov64_imm(R3, 0));
        leave(jmp_reg(BPF_JEQ, checked, R3, 0));
        break;
      default:
        emit(ld_map_value(R3, kGlobal, 0));
        leave(jmp_reg(BPF_JNE, checked, R3, 0));
        break;
    }
    if (spilled) emit(ldx(BPF_DW, R1, R10, -48));
    const Reg used = spilled ? R1 : chance(80) ? R0 : checked;
    if (chance(95)) emit(ldx(size(), R7, used, pick(9)));
  }

  void stack_index() {
    const Reg n = number();
    emit(mov64_reg(R2, n));
    bound(R2, near(8));
    emit(mov64_reg(R1, R10));
    emit(add64_imm(R1, -8 * (1 + pick(4))));
    emit(add64_reg(R1, R2));
    const int s = chance(80) ? int{BPF_B} : size();
    emit(chance(60) ? ldx(s, R3, R1, 0) : chance(50) ? st(s, R1, 0, edge()) : stx(s, R1, n, 0));
    if (chance(40)) emit(ldx(BPF_DW, n, R10, -8 * (1 + pick(4))));
  }

  bool load_packet() {
    if (type_->data < 0) return false;
    emit(ldx(BPF_W, R2, R6, type_->data));
    emit(ldx(BPF_W, R3, R6, type_->data + 4));
    return true;
  }

  void check_end(Reg p, int amount) {
    emit(mov64_reg(R4, p));
    emit(add64_imm(R4, amount));
    switch (pick(5)) {
      case 0:
        return leave(jmp_reg(BPF_JGE, R4, R3, 0));
      case 1:
        return leave(jmp_reg(BPF_JLT, R3, R4, 0));
      case 2:
        emit(jmp_reg(BPF_JLE, R4, R3, 1));
        return leave(ja(0));
      case 3:
        emit(jmp_reg(BPF_JGE, R3, R4, 1));
        return leave(ja(0));
      default:
        return leave(jmp_reg(BPF_JGT, R4, R3, 0));
    }
  }

  void packet() {
    if (!load_packet()) return arithmetic();
    const int amount = 1 + pick(32), s = size();
    check_end(R2, amount);
    const int off = near(std::max(0, amount - bytes(s)));
    emit(chance(80) ? ldx(s, R7, R2, off) : stx(s, R2, number(), off));
  }

  void packet_index() {
    if (!load_packet()) return index();
    const Reg n = number();
    emit(mov64_reg(R5, n));
    bound(R5, one_of({16, 64, 256, 0x7fff, 0xffff, 0x10000}));
    if (chance(30)) emit(alu64_imm(BPF_LSH, R5, 2));
    emit(add64_reg(R2, R5));
    if (chance(30)) emit(add64_imm(R2, pick(20)));
    check_end(R2, 8);
    emit(ldx(size(), R7, R2, near(0)));
  }

  void helper_bytes() {
    const int room = 8 * (1 + pick(4));
    const bool variable = chance(50);
    switch (pick(3)) {
      case 0:  // bytes into a ring buffer
        if (variable)
          emit(mov64_reg(R3, number())), bound(R3, room + 1);
        else
          emit(mov64_imm(R3, near(room)));
        emit(ld_map(R1, kRing));
        emit(mov64_reg(R2, R10));
        emit(add64_imm(R2, -room));
        emit(mov64_imm(R4, 0));
        emit(call_helper(BPF_FUNC_ringbuf_output));
        return;
      case 1:
        if (variable)
          emit(mov64_reg(R2, number())), bound(R2, room), emit(add64_imm(R2, 1));
        else
          emit(mov64_imm(R2, near(room)));
        emit(mov64_reg(R1, R10));
        emit(add64_imm(R1, -room));
        emit(call_helper(BPF_FUNC_get_current_comm));
        emit(ldx(BPF_DW, number(), R10, -room));
        return;
      default:
        value(R9);
        if (chance(30)) emit(add64_imm(R9, pick(9)));
        for (const int at : {-64, -56}) emit(st(BPF_DW, R10, at, 0));
        emit(st(BPF_DW, R10, -48, 1));
        emit(ld_map(R1, chance(70) ? base::u32{kHash} : base::u32{kArray}));
        emit(mov64_reg(R2, R10));
        emit(add64_imm(R2, -48));
        emit(mov64_reg(R3, chance(50) ? R10 : R9));
        if (chance(60)) emit(add64_imm(R3, -64));
        emit(mov64_imm(R4, 0));
        emit(call_helper(BPF_FUNC_map_update_elem));
        return;
    }
  }

  void record() {
    emit(ld_map(R1, kRing));
    emit(chance(95) ? mov64_imm(R2, 16) : mov64_reg(R2, number()));
    emit(mov64_imm(R3, 0));
    emit(call_helper(BPF_FUNC_ringbuf_reserve));
    leave(jmp_imm(BPF_JEQ, R0, 0, 0));
    emit(mov64_reg(R9, R0));
    emit(stx(size(), R0, number(), near(pick(9))));
    if (chance(8)) leave(jmp_imm(compare(), number(), edge(), 0));
    emit(mov64_reg(R1, R9));
    emit(mov64_imm(R2, 0));
    emit(call_helper(chance(50) ? BPF_FUNC_ringbuf_submit : BPF_FUNC_ringbuf_discard));
    if (chance(4)) emit(ldx(BPF_B, R7, R9, 0));
    emit(mov64_imm(R9, 0));
  }

  void call() {
    emit(mov64_reg(R1, R10));
    emit(add64_imm(R1, -8 * (1 + pick(4))));
    emit(mov64_reg(R2, number()));
    calls_.push_back(insns_.size());
    emit(call_sub(0));
    if (chance(60)) emit(mov64_reg(number(), R0));
  }

  void loop() {
    const int turns = 1 + pick(chance(95) ? 12 : 200);
    emit(chance(80) ? mov64_imm(R9, 0) : mov64_reg(R9, R8));
    const int begin = static_cast<int>(insns_.size());
    const bool may = chance(30);
    if (may) leave(may_goto(0));
    if (chance(40)) emit(add64_imm(R7, 1));
    if (chance(40)) {
      emit(ld_map_value(R5, kGlobal, 0));
      emit(mov64_reg(R4, R9));
      if (chance(70)) emit(alu64_imm(BPF_AND, R4, 15));
      emit(add64_reg(R5, R4));
      emit(ldx(BPF_B, R3, R5, 0));
    }
    if (chance(20)) emit(stx(BPF_DW, R10, R9, -16));
    emit(add64_imm(R9, chance(95) ? 1 : -1));
    const int back = begin - static_cast<int>(insns_.size()) - 1;
    emit(chance(60)   ? jmp_imm(BPF_JLT, R9, turns, back)
         : chance(50) ? jmp_imm(BPF_JNE, R9, turns, back)
                      : jmp32_imm(BPF_JSLT, R9, turns, back));
  }

  void atomics() {
    const bool stack = chance(50);
    if (!stack) value(R9);
    const int s = chance(60) ? int{BPF_DW} : int{BPF_W};
    const Reg p = stack ? R10 : R9;
    const int off = stack ? -8 * (1 + pick(4)) : near(8 * pick(2));
    const int op =
        one_of({int{BPF_ADD}, int{BPF_OR}, int{BPF_AND}, int{BPF_XOR}, int{BPF_ADD} | int{BPF_FETCH},
                int{BPF_XOR} | int{BPF_FETCH}, int{BPF_XCHG}, int{BPF_CMPXCHG}, int{BPF_LOAD_ACQ}, int{BPF_STORE_REL}});
    if (op == BPF_CMPXCHG) emit(mov64_imm(R0, edge()));
    emit(op == BPF_LOAD_ACQ ? atomic(s, op, number(), p, off) : atomic(s, op, p, number(), off));
  }

  void bits() {
    const Reg n = number();
    emit(mov64_reg(R3, n));
    leave(jmp_imm(BPF_JSET, R3, chance(80) ? ~static_cast<base::s64>(one_of({1, 3, 7, 15})) : edge(), 0));
    emit(ld_map_value(R5, kGlobal, 0));
    emit(add64_reg(R5, R3));
    emit(ldx(BPF_B, R2, R5, near(0)));
  }

  void constants() {
    emit(ld_map_value(R5, kConstant, static_cast<base::u32>(pick(12))));
    emit(ldx(size(), R3, R5, 0));
    emit(ld_map_value(R4, kGlobal, 0));
    if (chance(80)) emit(alu64_imm(BPF_AND, R3, 15));
    emit(add64_reg(R4, R3));
    emit(ldx(BPF_B, number(), R4, 0));
  }

  void context() {
    const int s = chance(70) ? int{BPF_W} : size();
    const int off = chance(90) ? 4 * pick(24) : pick(192);
    emit(chance(90) ? ldx(s, R3, R6, off) : stx(s, R6, number(), off));
  }

  void value_moves() {
    value(R9);
    const int up = pick(12);
    emit(add64_imm(R9, up));
    const Reg n = number();
    emit(mov64_reg(R3, n));
    bound(R3, 1 + pick(up + 1));
    emit(chance(50) ? alu64_reg(BPF_SUB, R9, R3) : add64_reg(R9, R3));
    if (chance(30)) emit(add64_imm(R9, one_of({-1, 1, -up, 4})));
    emit(ldx(BPF_B, R4, R9, 0));
  }

  void tail_call() {
    emit(mov64_reg(R1, R6));
    emit(ld_map(R2, kProgs));
    emit(chance(50) ? mov64_imm(R3, pick(5)) : mov64_reg(R3, number()));
    emit(call_helper(BPF_FUNC_tail_call));
  }

  void signs() {
    const Reg n = number();
    const int bits = one_of({8, 16, 32});
    emit(chance(50) ? movsx64_reg(R3, n, bits) : bits == 32 ? mov32_reg(R3, n) : movsx32_reg(R3, n, bits));
    if (chance(50))
      bound(R3, 8);
    else
      leave(jmp_imm(BPF_JSGT, R3, 7, 0)), leave(jmp_imm(BPF_JSLT, R3, 0, 0));
    emit(ld_map_value(R5, kGlobal, 0));
    emit(add64_reg(R5, R3));
    emit(ldx(BPF_B, R2, R5, near(0)));
  }

  // A subprogram for all calls, and the ways to the end.
  void finish() {
    for (const std::size_t at : to_end_) insns_[at].off = static_cast<base::s16>(begin_of_end_ - at - 1);
    if (calls_.empty()) return;
    const std::size_t begin = insns_.size();
    for (const std::size_t at : calls_) insns_[at].imm = static_cast<base::s32>(begin - at - 1);
    if (chance(50)) emit(ldx(BPF_DW, R3, R1, 0));
    if (chance(40)) emit(stx(BPF_DW, R1, chance(90) ? R2 : R10, 0));
    if (chance(40)) emit(stx(BPF_DW, R10, R2, -8 * (1 + pick(8))));
    if (chance(40)) emit(alu64_imm(BPF_AND, R2, 15));
    emit(chance(85) ? mov64_reg(R0, R2) : chance(50) ? mov64_imm(R0, 3) : mov64_reg(R0, R1));
    emit(exit_insn());
  }

  std::mt19937_64 random_;
  ProgSource source_;
  const TypeRow* type_ = kTypes;
  std::vector<bpf_insn> insns_;
  std::vector<std::size_t> to_end_, calls_;
  std::size_t begin_of_end_ = 0;
};

}  // namespace

ProgSource make_topic_program(base::u64 seed) {
  return Maker(seed).make();
}

}  // namespace support
