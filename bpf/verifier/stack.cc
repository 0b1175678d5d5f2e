// SPDX-License-Identifier: Apache-2.0
// stack.cc — the stack: spilled registers come back exactly, other bytes as misc or zero.
//
// Source    soundness: a spill is read back only when nothing overwrote any of its bytes (every write scrubs the marks
// of the
//           slot it touches); a byte is called zero only after a zero was written there. Bytes never written may be
//           read with CAP_PERFMON (as in Linux) and are any number.
#include <algorithm>

#include "bpf/verifier/print.h"
#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

u32 slot_of(s64 off) {
  return static_cast<u32>((-off - 1) / 8);
}
u32 byte_of(s64 off) {
  return static_cast<u32>(off & 7);
}

// What is left of a spill, or of an object, once a byte of its slot was written by other means.
void scrub(Slot& slot) {
  for (Byte& b : slot.bytes)
    if (b >= Byte::spill) b = Byte::misc;
}

bool fits(const Reg& r, int bytes) {
  return bytes >= 8 || r.var.umax < u64{1} << (bytes * 8);
}

const char* how_text(Access how) {
  return how == Access::read ? " read from" : " write to";
}

}  // namespace

bool Walk::check_stack_bounds(u32 r, s32 off, s64 bytes, Access how, bool, s64* low, s64* high) {
  const Reg& p = reg(r);
  const bool varying = !p.var.is_const();
  const s64 fixed = s64{p.off} + off;
  if (varying && (p.var.smax >= 1 << 29 || p.var.smin <= -(1 << 29)))
    return refuse(EACCES, format("invalid unbounded variable-offset%s stack R%u\n", how_text(how), r));
  *low = fixed + p.var.smin;
  *high = fixed + p.var.smax;
  int error = 0;
  // Without CAP_PERFMON what was never touched is not there to be read.
  const bool all = how == Access::write || source_.caps.perfmon;
  const s64 deepest = all ? -MAX_BPF_STACK : -8 * static_cast<s64>(cur_.frames[p.frame].stack.size());
  if (*low >= 0 || *low < deepest) error = EACCES;
  if (error == 0 && *high + bytes > 0) error = EINVAL;
  if (error == 0) {
    grow_stack(p.frame, *low);
    return true;
  }
  const int n = static_cast<int>(bytes);
  const char* advice = "A frame has 512 bytes below r10.";
  if (!varying)
    return refuse(error,
                  format("invalid%s stack R%u off=%lld size=%d\n", how_text(how), r, static_cast<long long>(*low), n),
                  advice);
  return refuse(error,
                format("invalid variable-offset%s stack R%u var_off=%s off=%lld size=%d\n", how_text(how), r,
                       bits_text(p.var.bits).c_str(), static_cast<long long>(fixed), n),
                advice);
}

void Walk::grow_stack(u32 frame, s64 low) {
  if (low >= 0) return;
  Frame& f = cur_.frames[frame];
  const u32 slots = slot_of(low) + 1;
  if (f.stack.size() < slots) f.stack.resize(slots);
  u32& depth = cfg_.subprogs[f.subprog].stack;
  depth = std::max(depth, static_cast<u32>(-low));
}

void Walk::note_stack_read(u32 frame, s64 low, s64 high) {
  if (low >= high) return;
  for (u32 s = slot_of(high - 1); s <= slot_of(low); ++s) mark_slot_read(frame, s);
}

// Walks up the checkpoints until one behind which the slot was written.
void Walk::mark_slot_read(u32 frame, u32 slot) {
  const u64 bit = u64{1} << slot;
  const std::array<u64, kFramesMax>* written = &cur_.written;
  for (Checkpoint* p = cur_.parent; p != nullptr; p = p->parent) {
    if (((*written)[frame] & bit) != 0 || (p->read[frame] & bit) != 0) return;
    p->read[frame] |= bit;
    written = &p->written;
  }
}

void Walk::note_stack_write(u32 frame, s64 off, s64 bytes) {
  if (frame == cur_.depth()) touched_slots_ |= u64{1} << slot_of(off);
  if (bytes == 8 && byte_of(off) == 0) cur_.written[frame] |= u64{1} << slot_of(off);
}

// `value`: a register, -1 the immediate of a BPF_ST, -2 a number nobody knows.
Reg Walk::stored_value(int value) const {
  if (value >= 0) return cur_.frame().regs[static_cast<u32>(value)];
  if (value == -1) return Reg::constant(static_cast<u64>(s64{insn().imm}));
  return Reg::unknown();
}

bool Walk::access_stack(u32 r, s32 off, int bytes, Access how, int value, bool sign_extend) {
  s64 low = 0, high = 0;
  if (!check_stack_bounds(r, off, bytes, how, false, &low, &high)) return false;
  const u32 frame = reg(r).frame;
  const bool fixed = low == high;
  if (!fixed && !source_.caps.perfmon)
    return refuse(EACCES, format("R%u variable offset stack access prohibited for !root, var_off=%s\n", r,
                                 bits_text(reg(r).var.bits).c_str()));
  if (how == Access::write)
    return fixed ? write_stack_fixed(frame, low, bytes, value) : write_stack_varying(frame, low, high, bytes, value);
  note_stack_read(frame, low, high + bytes);
  if (!fixed) {
    if (!check_stack_readable(r, off, bytes)) return false;
    if (!read_stack_varying(frame, low, high + bytes, value)) return false;
    if (value >= 0) {
      Reg& out = reg(static_cast<u32>(value));
      out.var = sign_extend ? out.var.sign_extended(bytes) : out.var.truncated(bytes);
    }
    return true;
  }
  if (!read_stack_fixed(frame, low, bytes, value)) return false;
  if (value < 0 || bytes == 8) return true;
  Reg& out = reg(static_cast<u32>(value));
  if (!out.is_scalar()) return true;
  const u64 kept = sign_extend ? (u64{1} << (bytes * 8 - 1)) : (u64{1} << (bytes * 8));
  if (out.var.umax >= kept) out.unlink();
  out.var = sign_extend ? out.var.sign_extended(bytes) : out.var.truncated(bytes);
  return true;
}

bool Walk::read_stack_fixed(u32 frame, s64 off, int bytes, int value) {
  const Slot& slot = cur_.frames[frame].stack[slot_of(off)];
  if (frame == cur_.depth()) touched_slots_ |= u64{1} << slot_of(off);
  const u32 first = byte_of(off);
  for (u32 k = first; k < first + static_cast<u32>(bytes); ++k)
    if (slot.bytes[k] >= Byte::dynptr || (slot.bytes[k] == Byte::invalid && !source_.caps.perfmon))
      return refuse(EACCES, format("invalid read from stack off %lld+%u size %d\n", static_cast<long long>(off),
                                   k - first, bytes));
  if (slot.is_spill()) {
    const int spilled = slot.spill_bytes();
    if (!slot.spilled.is_scalar()) {
      if (bytes != 8) return refuse(EACCES, "invalid size of register fill\n");
      if (value >= 0) set(static_cast<u32>(value), Reg(slot.spilled));
      if (value < 0 && is_secret(slot.spilled))
        return refuse(EACCES, format("leaking pointer from stack off %lld\n", static_cast<long long>(off)));
      return true;
    }
    if (value < 0) return true;
    if (first == 0 && bytes <= spilled) {
      set(static_cast<u32>(value), Reg(slot.spilled));
      return true;
    }
    // A part of a spilled zero is zero; this rests on its value.
    const bool inside = first + static_cast<u32>(bytes) <= static_cast<u32>(spilled);
    if (inside && slot.spilled.is_zero()) {
      mark_precise(slot.spilled);
      set(static_cast<u32>(value), Reg::constant(0));
      return true;
    }
  }
  if (value < 0) return true;
  bool zero = true;
  for (u32 k = first; k < first + static_cast<u32>(bytes); ++k) zero &= slot.bytes[k] == Byte::zero;
  set(static_cast<u32>(value), zero ? Reg::constant(0) : Reg::unknown());
  return true;
}

bool Walk::read_stack_varying(u32 frame, s64 low, s64 high, int value) {
  if (value < 0) return true;
  bool zero = true;
  for (s64 off = low; off < high; ++off)
    zero &= cur_.frames[frame].stack[slot_of(off)].bytes[byte_of(off)] == Byte::zero;
  set(static_cast<u32>(value), zero ? Reg::constant(0) : Reg::unknown());
  return true;
}

void Walk::store_spill(u32 frame, s64 off, int bytes, const Reg& value) {
  Slot& slot = cur_.frames[frame].stack[slot_of(off)];
  slot.spilled = value;
  for (int k = 0; k < 8; ++k) {
    Byte& b = slot.bytes[static_cast<u32>(k)];
    if (k < bytes) {
      b = Byte::spill;
    } else if (b >= Byte::spill) {
      b = Byte::misc;
    }
  }
}

bool Walk::write_stack_fixed(u32 frame, s64 off, int bytes, int value) {
  if (!overwrite_dynptr(frame, slot_of(off))) return false;
  Reg v = stored_value(value);
  const Slot& before = cur_.frames[frame].stack[slot_of(off)];
  if (bytes != 8 && spoils_pointer(frame, off, off + bytes))
    return refuse(EACCES, "attempt to corrupt spilled pointer on stack\n");
  fence_spill(before, byte_of(off), bytes, value >= 0 ? v : Reg());
  if (v.is_pointer()) {
    if (bytes != 8) return refuse(EACCES, "invalid size of register spill\n");
    if (v.kind == Kind::stack && frame != cur_.depth())
      return refuse(EINVAL, "cannot spill pointers to stack into stack frame of the caller\n");
    note_stack_write(frame, off, bytes);
    store_spill(frame, off, bytes, v);
    return true;
  }
  note_stack_write(frame, off, bytes);
  if (byte_of(off) == 0 && value != -2 && source_.caps.bpf) {  // without it numbers are not followed to the stack
    if (fits(v, bytes)) {
      if (value >= 0) {
        give_id(reg(static_cast<u32>(value)));
        v = reg(static_cast<u32>(value));
      }
    } else {
      v.unlink();
    }
    store_spill(frame, off, bytes, v);
    return true;
  }
  const bool zero = v.is_zero();
  if (zero) mark_precise(v);
  Slot& slot = cur_.frames[frame].stack[slot_of(off)];
  scrub(slot);
  for (u32 k = byte_of(off); k < byte_of(off) + static_cast<u32>(bytes); ++k)
    slot.bytes[k] = zero ? Byte::zero : Byte::misc;
  return true;
}

bool Walk::write_stack_varying(u32 frame, s64 low, s64 high, int bytes, int value) {
  for (u32 s = slot_of(high + bytes - 1); s <= slot_of(low); ++s)
    if (!overwrite_dynptr(frame, s)) return false;
  const Reg v = stored_value(value);
  const bool zero = v.is_zero();
  for (s64 off = low; off < high + bytes; ++off) {
    Slot& slot = cur_.frames[frame].stack[slot_of(off)];
    if (frame == cur_.depth()) touched_slots_ |= u64{1} << slot_of(off);
    Byte& b = slot.bytes[byte_of(off)];
    if (zero && b == Byte::zero) {
      mark_precise(v);
      continue;
    }
    scrub(slot);
    b = Byte::misc;
  }
  // Not noted as written: any of these bytes may be the old one.
  note_stack_read(frame, low, high + bytes);
  return true;
}

void Walk::clobber_stack(u32 frame, s64 low, s64 high, Byte with) {
  for (s64 off = low; off < high; ++off) {
    Slot& slot = cur_.frames[frame].stack[slot_of(off)];
    if (frame == cur_.depth()) touched_slots_ |= u64{1} << slot_of(off);
    scrub(slot);
    slot.bytes[byte_of(off)] = with;
  }
}

// A helper that fills memory does not fill a dynptr.
bool Walk::check_no_dynptr(u32 r, s64 low, s64 high) {
  for (s64 off = low; off < high; ++off)
    if (cur_.frames[reg(r).frame].stack[slot_of(off)].bytes[0] == Byte::dynptr)
      return refuse(EACCES, format("potential write to dynptr at off=%lld disallowed\n", static_cast<long long>(off)));
  return true;
}

}  // namespace bpf::verifier
