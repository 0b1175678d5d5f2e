// SPDX-License-Identifier: Apache-2.0
// ctx_access.cc — an access to a field of the user's context struct becomes one access to the host field behind it.
//
// Shape     the program sees the host field zero-extended or truncated to the user field's size, or a part of that; the
//           machine is little-endian, so byte k of the user field is byte k of the host field, or zero behind its end.
//           A field that holds a pointer is loaded whole: 8 bytes, whatever its size in the user's struct.
//           A field behind a pointer of the host struct takes two loads; a store that only small values may do, a jump.
#include <algorithm>
#include <bit>

#include "bpf/lower/pass.h"

namespace bpf::lower {
namespace {

static_assert(std::endian::native == std::endian::little);

u8 size_bits(u32 bytes) {
  switch (bytes) {
    case 1:
      return BPF_B;
    case 2:
      return BPF_H;
    case 4:
      return BPF_W;
    default:
      return BPF_DW;
  }
}

const CtxField* find_field(const ProgSpec& spec, u32 offset, u32 bytes) {
  const auto covers = [&](const CtxField& f) { return offset >= f.offset && offset + bytes <= u32(f.offset) + f.size; };
  const auto it = std::ranges::find_if(spec.fields, covers);
  return it == spec.fields.end() ? nullptr : &*it;
}

void set_access(LowInsn& low, u8 mode, u32 bytes, u32 host_offset, u32 user_offset) {
  low.insn.code = u8(insn_class(low.insn.code) | mode | size_bits(bytes));
  // The register may stand at a constant distance from the context's begin, which user_offset includes and insn.off
  // does not.
  low.insn.off = s16(s32(host_offset) - (s32(user_offset) - low.insn.off));
}

LowInsn lower_pointer_load(LowInsn low, const CtxField& field, u32 user_offset) {
  set_access(low, BPF_MEM, 8, field.host_offset, user_offset);
  return low;
}

LowInsn lower_scalar_load(LowInsn low, const CtxField& field, u32 user_offset, u32 bytes) {
  // A load at least as wide as the host field sees all of it, wherever in the user's field it begins: so does Linux's.
  const u32 within = bytes < field.host_size ? user_offset - field.offset : 0;
  if (within >= field.host_size) {
    low.insn = {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = low.insn.dst_reg, .src_reg = 0, .off = 0, .imm = 0};
    low.mem = MemKind::none;
    return low;
  }
  const u32 there = std::min<u32>(bytes, field.host_size - within);
  // Where the host field ends first, the bytes behind it are zero, so is the sign.
  const u8 mode = there == bytes ? insn_mode(low.insn.code) : u8(BPF_MEM);
  set_access(low, mode, std::bit_floor(there), field.host_offset + within, user_offset);
  return low;
}

bool is_store(const LowInsn& low) {
  return insn_class(low.insn.code) != BPF_LDX;
}

base::Result<LowInsn> lower_store(const Pass& pass, LowInsn low, const CtxField& field, u32 user_offset, u32 bytes) {
  if (field.write == Parts::none || insn_mode(low.insn.code) != BPF_MEM)
    return pass.refuse(low.origin, "store to read-only context field '" + std::string(field.name) + "'");
  const u32 within = user_offset - field.offset;
  if (within + bytes <= field.host_size)
    set_access(low, BPF_MEM, bytes, field.host_offset + within, user_offset);
  else if (within == 0 && bytes == field.size && field.host_size > 0)
    set_access(low, BPF_MEM, field.host_size, field.host_offset, user_offset);  // the upper bytes are dropped
  else
    return pass.refuse(low.origin, "partial store to context field '" + std::string(field.name) + "'");
  return low;
}

// A greater value jumps over the store; a constant is judged here.
void put_guarded(const CtxField& field, const LowInsn& store, std::vector<LowInsn>& out) {
  LowInsn guard{.origin = store.origin};
  if (insn_class(store.insn.code) == BPF_STX) {
    guard.insn = {.code = BPF_JMP | BPF_JGE | BPF_K,
                  .dst_reg = store.insn.src_reg,
                  .src_reg = 0,
                  .off = 1,
                  .imm = s32(field.write_below)};
    out.push_back(guard);
    out.push_back(store);
  } else if (store.insn.imm < s32(field.write_below)) {
    out.push_back(store);
  } else {
    guard.insn = {.code = BPF_JMP | BPF_JA, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};
    out.push_back(guard);
  }
}

// dst = the pointer; dst = the field behind it.
void put_through_pointer(const CtxField& field, const LowInsn& low, u32 user_offset, std::vector<LowInsn>& out) {
  LowInsn pointer = low;
  pointer.insn.code = BPF_LDX;
  set_access(pointer, BPF_MEM, 8, u32(field.host_pointer), user_offset);
  LowInsn load = lower_scalar_load(low, field, user_offset, u32(insn_access_bytes(low.insn.code)));
  load.insn.src_reg = low.insn.dst_reg;
  load.insn.off = s16(load.insn.off + s32(user_offset) - low.insn.off);  // from the pointer, not from the context
  out.push_back(pointer);
  out.push_back(load);
}

base::Result<LowInsn> lower_pointer(const Pass& pass, const LowInsn& low, const CtxField& field, u32 offset,
                                    u32 bytes) {
  if (offset != field.offset || bytes != field.size || insn_mode(low.insn.code) != BPF_MEM)
    return pass.refuse(low.origin, "partial load of pointer '" + std::string(field.name) + "'");
  if (field.host_size != 8)
    return pass.refuse(low.origin, "nothing stands behind pointer '" + std::string(field.name) + "' yet");
  return lower_pointer_load(low, field, offset);
}

const CtxField* find_accessed(const ProgSpec& spec, const InsnFact& fact, const bpf_insn& insn) {
  return fact.ctx_offset < 0 ? nullptr : find_field(spec, u32(fact.ctx_offset), u32(insn_access_bytes(insn.code)));
}

}  // namespace

u32 count_ctx_access(const ProgSource& source, const VerifiedProgram& verified, const ProgSpec& spec, u32 at) {
  const bpf_insn& insn = source.insns[at];
  const CtxField* field = find_accessed(spec, verified.facts[at], insn);
  if (!field) return 1;
  if (insn_class(insn.code) == BPF_LDX) return field->host_pointer >= 0 ? 2 : 1;
  return insn_class(insn.code) == BPF_STX && field->write_below != 0 ? 2 : 1;
}

base::Status lower_ctx_access(const Pass& pass, LowInsn low, std::vector<LowInsn>& out) {
  const InsnFact& fact = pass.verified.facts[low.origin];
  const CtxField* field = find_accessed(pass.spec, fact, low.insn);
  if (!field) return pass.refuse(low.origin, "no context field at offset " + std::to_string(fact.ctx_offset));
  const u32 offset = u32(fact.ctx_offset), bytes = u32(insn_access_bytes(low.insn.code));
  low.mem = MemKind::host;
  if (is_store(low)) {
    SLUICE_TRY(low, lower_store(pass, low, *field, offset, bytes));
    if (field->write_below != 0)
      put_guarded(*field, low, out);
    else
      out.push_back(low);
  } else if (field->kind != CtxKind::scalar) {
    SLUICE_TRY(low, lower_pointer(pass, low, *field, offset, bytes));
    out.push_back(low);
  } else if (field->host_pointer >= 0) {
    put_through_pointer(*field, low, offset, out);
  } else {
    out.push_back(lower_scalar_load(low, *field, offset, bytes));
  }
  return base::success();
}

}  // namespace bpf::lower
