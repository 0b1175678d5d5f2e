// SPDX-License-Identifier: Apache-2.0
// ctx_access.cc — an access to a field of the user's context struct becomes one access to the host field behind it.
//
// Shape     the program sees the host field zero-extended or truncated to the user field's size, or a part of that; the
//           machine is little-endian, so byte k of the user field is byte k of the host field, or zero behind its end.
//           A field that holds a packet pointer is loaded whole: 8 bytes, whatever its size in the user's struct.
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
  const u32 within = user_offset - field.offset;
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

base::Result<LowInsn> lower_store(const Pass& pass, LowInsn low, const CtxField& field, u32 user_offset, u32 bytes) {
  if (field.write == Parts::none || insn_mode(low.insn.code) != BPF_MEM)
    return pass.refuse(low.origin, "store to read-only context field '" + std::string(field.name) + "'");
  if (bytes != field.size || field.host_size != field.size)
    return pass.refuse(low.origin, "partial store to context field '" + std::string(field.name) + "'");
  set_access(low, BPF_MEM, bytes, field.host_offset, user_offset);
  return low;
}

}  // namespace

base::Result<LowInsn> lower_ctx_access(const Pass& pass, LowInsn low) {
  const s32 offset = pass.verified.facts[low.origin].ctx_offset;
  const u32 bytes = u32(insn_access_bytes(low.insn.code));
  const CtxField* field = offset < 0 ? nullptr : find_field(pass.spec, u32(offset), bytes);
  if (!field) return pass.refuse(low.origin, "no context field at offset " + std::to_string(offset));
  low.mem = MemKind::host;
  if (insn_class(low.insn.code) != BPF_LDX) return lower_store(pass, low, *field, u32(offset), bytes);
  if (field->kind != CtxKind::scalar) {
    if (u32(offset) != field->offset || bytes != field->size || insn_mode(low.insn.code) != BPF_MEM)
      return pass.refuse(low.origin, "partial load of packet pointer '" + std::string(field->name) + "'");
    return lower_pointer_load(low, *field, u32(offset));
  }
  return lower_scalar_load(low, *field, u32(offset), bytes);
}

}  // namespace bpf::lower
