// SPDX-License-Identifier: Apache-2.0
// btf.h — the BPF Type Format on the wire (Documentation/bpf/btf.rst): header, type records, kinds, info records.
#pragma once

#include <cstdint>

namespace bpf {

inline constexpr std::uint16_t BTF_MAGIC = 0xeb9f;
inline constexpr std::uint8_t BTF_VERSION = 1;
inline constexpr std::uint32_t BTF_MAX_TYPE = 0x000fffff;
inline constexpr std::uint32_t BTF_MAX_NAME_OFFSET = 0x00ffffff;
inline constexpr std::uint32_t BTF_MAX_SIZE = 16U << 20;  // bytes of one BTF_LOAD

struct btf_header {
  std::uint16_t magic;
  std::uint8_t version;
  std::uint8_t flags;
  std::uint32_t hdr_len;
  std::uint32_t type_off;
  std::uint32_t type_len;
  std::uint32_t str_off;
  std::uint32_t str_len;
};
static_assert(sizeof(btf_header) == 24);

struct btf_type {
  std::uint32_t name_off;
  std::uint32_t info;  // bits 0-15 vlen, 24-28 kind, 31 kind_flag
  union {
    std::uint32_t size;
    std::uint32_t type;
  };
};
static_assert(sizeof(btf_type) == 12);

enum : std::uint32_t {
  BTF_KIND_UNKN, BTF_KIND_INT, BTF_KIND_PTR, BTF_KIND_ARRAY, BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_ENUM,
  BTF_KIND_FWD, BTF_KIND_TYPEDEF, BTF_KIND_VOLATILE, BTF_KIND_CONST, BTF_KIND_RESTRICT, BTF_KIND_FUNC,
  BTF_KIND_FUNC_PROTO, BTF_KIND_VAR, BTF_KIND_DATASEC, BTF_KIND_FLOAT, BTF_KIND_DECL_TAG, BTF_KIND_TYPE_TAG,
  BTF_KIND_ENUM64, NR_BTF_KINDS,
};

struct btf_array { std::uint32_t type, index_type, nelems; };
struct btf_member { std::uint32_t name_off, type, offset; };
struct btf_enum { std::uint32_t name_off; std::int32_t val; };
struct btf_enum64 { std::uint32_t name_off, val_lo32, val_hi32; };
struct btf_param { std::uint32_t name_off, type; };
struct btf_var { std::uint32_t linkage; };
struct btf_var_secinfo { std::uint32_t type, offset, size; };
struct btf_decl_tag { std::int32_t component_idx; };

enum : std::uint32_t { BTF_FUNC_STATIC, BTF_FUNC_GLOBAL, BTF_FUNC_EXTERN };

// Records that PROG_LOAD carries beside the instructions.
struct bpf_func_info { std::uint32_t insn_off, type_id; };
struct bpf_line_info { std::uint32_t insn_off, file_name_off, line_off, line_col; };  // line_col: line << 10 | column

}  // namespace bpf
