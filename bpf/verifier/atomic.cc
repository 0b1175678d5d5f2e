// SPDX-License-Identifier: Apache-2.0
// atomic.cc — read-modify-write, exchange, compare-and-exchange, load-acquire, store-release.
#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

bool is_known_op(s32 op) {
  switch (op) {
    case BPF_XCHG:
    case BPF_CMPXCHG:
    case BPF_LOAD_ACQ:
    case BPF_STORE_REL:
      return true;
    default:
      break;
  }
  const s32 plain = op & ~s32{BPF_FETCH};
  return plain == BPF_ADD || plain == BPF_AND || plain == BPF_OR || plain == BPF_XOR;
}

}  // namespace

bool Walk::check_atomic_fields(const bpf_insn& i) {
  const int bytes = insn_access_bytes(i.code);
  if (!is_known_op(i.imm))
    return refuse(EINVAL, format("BPF_ATOMIC uses invalid atomic opcode %02x\n", static_cast<u32>(i.imm)));
  const bool load_store = i.imm == BPF_LOAD_ACQ || i.imm == BPF_STORE_REL;
  if (!load_store && bytes < 4) return refuse(EINVAL, "invalid atomic operand size\n");
  return true;
}

// Memory that others look at while it is written cannot be the packet or the context.
bool Walk::check_atomic_target(const Reg& p, u32 r, const char* verb) {
  // Linux's JIT for x86 has no loop for these in an arena.
  const s32 op = insn().imm, plain = op & ~s32{BPF_FETCH};
  const bool looped = op != plain && (plain == BPF_AND || plain == BPF_OR || plain == BPF_XOR);
  const bool socket = p.kind >= Kind::socket && p.kind <= Kind::flow_keys;
  const bool in_arena = p.kind == Kind::arena && looped;
  if (p.kind != Kind::ctx && !p.is_packet() && !socket && !in_arena) return true;
  return refuse(EACCES, format("BPF_ATOMIC %s R%u %s is not allowed\n", verb, r, kind_text(p).c_str()));
}

bool Walk::step_atomic(const bpf_insn& i) {
  strict_alignment_ = true;
  const bool ok = step_aligned_atomic(i);
  strict_alignment_ = false;
  return ok;
}

bool Walk::step_aligned_atomic(const bpf_insn& i) {
  if (insn_class(i.code) != BPF_STX) return refuse(EINVAL, format("unknown opcode %02x\n", i.code));
  if (!check_atomic_fields(i)) return false;
  const int bytes = insn_access_bytes(i.code);
  // Linux checks the plain access first and what it goes to afterwards.
  if (i.imm == BPF_LOAD_ACQ) {
    if (!check_readable(i.src_reg) || !check_writable(i.dst_reg)) return false;
    const Reg pointer = reg(i.src_reg);
    return access(i.src_reg, i.off, bytes, Access::read, i.dst_reg) &&
           check_atomic_target(pointer, i.src_reg, "loads from");
  }
  if (!check_readable(i.src_reg) || !check_readable(i.dst_reg)) return false;
  if (i.imm == BPF_STORE_REL)
    return access(i.dst_reg, i.off, bytes, Access::write, i.src_reg) &&
           check_atomic_target(reg(i.dst_reg), i.dst_reg, "stores into");
  if (i.imm == BPF_CMPXCHG && (!check_readable(BPF_REG_0) || !check_leak(Access::write, BPF_REG_0, "mem")))
    return false;
  if (!check_leak(Access::write, i.src_reg, "mem")) return false;
  if (!check_atomic_target(reg(i.dst_reg), i.dst_reg, "stores into")) return false;
  int loaded = -1;
  if (i.imm == BPF_CMPXCHG)
    loaded = BPF_REG_0;
  else if (i.imm & BPF_FETCH)
    loaded = i.src_reg;
  if (loaded >= 0 && !check_writable(static_cast<u32>(loaded))) return false;
  // Read, then write a number nobody knows. Where the register that is loaded is the pointer itself, the write has no
  // pointer left to go through: Linux refuses that as well.
  if (!access(i.dst_reg, i.off, bytes, Access::read, loaded)) return false;
  return access(i.dst_reg, i.off, bytes, Access::write, -2);
}

}  // namespace bpf::verifier
