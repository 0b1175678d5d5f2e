// SPDX-License-Identifier: Apache-2.0
// branch_pkt.cc — what comparisons teach about pointers: null or not, and how much packet lies before the end.
//
// Source    soundness of ranges: p = base + off < end (or <=) means the bytes base … base + off (or - 1) lie in the
// packet, for
//           the base that p shares with every pointer of its id. The base's distance from the data is at most 65535, so
//           the sum does not wrap. Metadata ends where the packet begins and is treated alike.
#include <algorithm>

#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

u8 mirrored(u8 op) {
  switch (op) {
    case BPF_JGT:
      return BPF_JLT;
    case BPF_JLT:
      return BPF_JGT;
    case BPF_JGE:
      return BPF_JLE;
    case BPF_JLE:
      return BPF_JGE;
    default:
      return op;
  }
}

u8 negated(u8 op) {
  switch (op) {
    case BPF_JGT:
      return BPF_JLE;
    case BPF_JLT:
      return BPF_JGE;
    case BPF_JGE:
      return BPF_JLT;
    default:
      return BPF_JGT;  // of BPF_JLE
  }
}

bool is_order(u8 op) {
  return op == BPF_JGT || op == BPF_JLT || op == BPF_JGE || op == BPF_JLE;
}

// The start of the packet itself: the end of the metadata.
bool is_packet_start(const Reg& r) {
  return r.kind == Kind::packet && r.off == 0 && r.id == 0 && r.var.is_zero();
}

bool is_end_for(const Reg& p, const Reg& end) {
  return (p.kind == Kind::packet && end.kind == Kind::packet_end) ||
         (p.kind == Kind::packet_meta && is_packet_start(end));
}

}  // namespace

// Pointers that Linux takes for never null without being told.
bool Walk::never_null(const Reg& r) const {
  if (r.maybe_null) return false;
  switch (r.kind) {
    case Kind::map_value:
    case Kind::map_key:
    case Kind::map_ptr:
    case Kind::socket:
    case Kind::sock_common:
    case Kind::tcp_sock:
      return true;
    case Kind::mem:
      return (r.flags & kUntrusted) == 0;
    case Kind::btf_id:
      return is_trusted(r);
    default:
      return false;
  }
}

Branch Walk::decide_pointers(const bpf_insn& i, const Reg& a, const Reg& b) {
  if (insn_class(i.code) == BPF_JMP32) return Branch::unknown;
  u8 op = insn_op(i.code);
  const bool a_first = b.kind == Kind::packet_end;
  if (a_first || a.kind == Kind::packet_end) {
    const Reg& p = a_first ? a : b;
    if (!a_first) op = mirrored(op);
    if (!p.is_packet() || p.range >= 0) return Branch::unknown;
    const bool beyond = p.range == kBeyondPacketEnd;
    if (op == BPF_JGE || op == BPF_JLT) return op == BPF_JGE ? Branch::always : Branch::never;
    if ((op == BPF_JGT || op == BPF_JLE) && beyond) return op == BPF_JGT ? Branch::always : Branch::never;
    return Branch::unknown;
  }
  if (b.is_zero() && never_null(a)) {
    if (op == BPF_JEQ) return Branch::never;
    if (op == BPF_JNE) return Branch::always;
  }
  return Branch::unknown;
}

// A value found in a map may be an object of another kind: a map, a socket.
void Walk::settle_not_null(Reg& r) const {
  r.maybe_null = false;
  if (r.kind == Kind::map_value) {
    const MapFacts& map = map_facts(r.map);
    if (map.type == BPF_MAP_TYPE_XSKMAP) {
      r = Reg::pointer(Kind::xdp_sock);
    } else if (map.type == BPF_MAP_TYPE_SOCKMAP || map.type == BPF_MAP_TYPE_SOCKHASH) {
      const u32 ref = r.ref;
      r = Reg::pointer(Kind::socket);
      r.ref = ref;
    } else if (btf_.maps[r.map].inner != MapTable::kNone) {
      constexpr u32 kTied = btf::field_bit(btf::FieldKind::timer) | btf::field_bit(btf::FieldKind::workqueue) |
                            btf::field_bit(btf::FieldKind::task_work);
      const u32 look_up = r.id, inner = btf_.maps[r.map].inner;
      r = Reg::pointer(Kind::map_ptr, inner);
      if (map_fields(inner).has(kTied)) r.map_uid = look_up;
    }
  }
  if (!may_hold_lock(r)) r.id = 0;
}

void Walk::learn_null(State& state, u32 id, bool is_null) {
  if (is_null) drop_reference(state, id);  // nothing was acquired
  for_each_reg(state, [&](Reg& r) {
    if (!r.maybe_null || r.id != id) return;
    if (is_null) {
      r = Reg::constant(0);
    } else {
      settle_not_null(r);
    }
  });
}

// One that tells how much packet there is.
bool Walk::is_packet_comparison(const bpf_insn& i) const {
  if (insn_class(i.code) != BPF_JMP || !insn_src_is_reg(i.code) || !is_order(insn_op(i.code))) return false;
  const auto& regs = cur_.frame().regs;
  return is_end_for(regs[i.dst_reg], regs[i.src_reg]) || is_end_for(regs[i.src_reg], regs[i.dst_reg]);
}

void Walk::learn_packet_end(State& state, const bpf_insn& i, bool taken) {
  auto& regs = state.frame().regs;
  u8 op = insn_op(i.code);
  if (!is_order(op)) return;
  const bool a_first = is_end_for(regs[i.dst_reg], regs[i.src_reg]);
  if (!a_first && !is_end_for(regs[i.src_reg], regs[i.dst_reg])) return;
  Reg& p = regs[a_first ? i.dst_reg : i.src_reg];
  if (!a_first) op = mirrored(op);
  if (!taken) op = negated(op);
  if (op == BPF_JLT || op == BPF_JLE) {
    learn_packet_range(state, p, op == BPF_JLT);
  } else if (p.kind == Kind::packet) {
    p.range = op == BPF_JGT ? kBeyondPacketEnd : kAtPacketEnd;
  }
}

// `open`: strictly below the end, so the byte at p itself lies within as well.
void Walk::learn_packet_range(State& state, const Reg& pointer, bool open) {
  const Reg p = pointer;
  if (p.off < 0 || (p.off == 0 && open)) return;
  if (p.var.umax > kPacketOffsetMax || p.var.umax + static_cast<u64>(p.off) > kPacketOffsetMax) return;
  const s32 range = p.off + (open ? 1 : 0);
  for_each_reg(state, [&](Reg& r) {
    if (r.kind == p.kind && r.id == p.id) r.range = std::max(r.range, range);
  });
}

}  // namespace bpf::verifier
