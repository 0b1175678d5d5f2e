// SPDX-License-Identifier: Apache-2.0
#include "bpf/btf/btf.h"

#include <cstring>

namespace bpf::btf {

const btf_type& Btf::type(u32 id) const noexcept {
  return *reinterpret_cast<const btf_type*>(blob_.data() + offsets_[id]);
}

IntEncoding Btf::int_encoding(u32 id) const noexcept {
  u32 word;
  std::memcpy(&word, blob_.data() + offsets_[id] + sizeof(btf_type), sizeof word);
  const u32 encoding = (word >> 24) & 0xf;
  return {.is_signed = (encoding & 1) != 0,
          .is_char = (encoding & 2) != 0,
          .is_bool = (encoding & 4) != 0,
          .bit_offset = static_cast<u8>((word >> 16) & 0xff),
          .bits = static_cast<u8>(word & 0xff)};
}

Member Btf::member(u32 id, u32 index) const noexcept {
  const auto* m = reinterpret_cast<const btf_member*>(blob_.data() + offsets_[id] + sizeof(btf_type)) + index;
  if (kind_flag(id)) return {m->name_off, m->type, m->offset & 0xffffff, m->offset >> 24};
  return {m->name_off, m->type, m->offset, 0};
}

std::string_view Btf::string_at(u32 offset) const noexcept {
  if (offset >= strings_.size()) return {};
  return std::string_view(strings_.data() + offset);  // the section ends with a zero byte
}

u32 Btf::skip_modifiers(u32 id) const noexcept {
  for (;;) {
    switch (kind(id)) {
      case BTF_KIND_TYPEDEF:
      case BTF_KIND_VOLATILE:
      case BTF_KIND_CONST:
      case BTF_KIND_RESTRICT:
      case BTF_KIND_TYPE_TAG:
        id = type(id).type;
        break;
      default:
        return id;
    }
  }
}

std::optional<u64> Btf::size_of(u32 id) const noexcept {
  u64 factor = 1;
  for (;;) {
    id = skip_modifiers(id);
    switch (kind(id)) {
      case BTF_KIND_INT:
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
      case BTF_KIND_FLOAT:
      case BTF_KIND_DATASEC:
        return factor * type(id).size;
      case BTF_KIND_PTR:
        return factor * 8;
      case BTF_KIND_VAR:
        id = type(id).type;
        break;
      case BTF_KIND_ARRAY:
        if (__builtin_mul_overflow(factor, array(id).nelems, &factor)) return std::nullopt;
        id = array(id).type;
        break;
      default:
        return std::nullopt;
    }
  }
}

std::optional<u32> Btf::find(std::string_view wanted, u32 wanted_kind) const noexcept {
  for (u32 id = 1; id < count(); ++id)
    if (kind(id) == wanted_kind && name(id) == wanted) return id;
  return std::nullopt;
}

std::optional<u32> tail_bytes(u32 kind, u32 vlen) noexcept {
  switch (kind) {
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
      return 4;
    case BTF_KIND_ARRAY:
      return sizeof(btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
      return vlen * sizeof(btf_member);
    case BTF_KIND_ENUM:
      return vlen * sizeof(btf_enum);
    case BTF_KIND_ENUM64:
      return vlen * sizeof(btf_enum64);
    case BTF_KIND_FUNC_PROTO:
      return vlen * sizeof(btf_param);
    case BTF_KIND_DATASEC:
      return vlen * sizeof(btf_var_secinfo);
    case BTF_KIND_PTR:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case BTF_KIND_FLOAT:
    case BTF_KIND_TYPE_TAG:
      return 0;
    default:
      return std::nullopt;
  }
}

}  // namespace bpf::btf
