// SPDX-License-Identifier: Apache-2.0
// btf.h — reading a BTF blob: checked once as a whole, then types by id, names and sizes without further checks.
//
// Shape     parse() copies the blob and indexes where each type record starts; id 0 is void. No base (split) BTF.
// Threads   a Btf is immutable. Lifetime: spans and string views point into the Btf; it may be moved, not while they
// are held. Errors    parse: EINVAL (E2BIG for a longer header with unknown content) and a sentence with the type id,
// as BTF_LOAD.
//           After parse() every id stored in a record is valid, every name offset ends in the string section, no type
//           contains itself by value and no chain of modifiers and pointers is endless: readers need no depth limit.
// Cost      parse: linear in the blob. Access: one table look-up. find_by_name: linear.
// Source    Documentation/bpf/btf.rst; verdicts compared with the host kernel's BTF_LOAD.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"
#include "bpf/abi/btf.h"

namespace bpf::btf {

using base::s32;
using base::u32;
using base::u64;
using base::u8;

struct IntEncoding {
  bool is_signed;
  bool is_char;
  bool is_bool;
  u8 bit_offset;
  u8 bits;
};

struct Member {
  u32 name_off;
  u32 type;
  u32 bit_offset;
  u32 bitfield_bits;  // 0: an ordinary member
};

class Btf {
 public:
  static base::Result<Btf> parse(base::ConstBytes blob);

  // Number of ids, void included: ids are 0 … count() - 1.
  u32 count() const noexcept { return static_cast<u32>(offsets_.size()); }
  bool valid(u32 id) const noexcept { return id < count(); }

  // The accessors below REQUIRE valid(id) and the kind they speak of.
  u32 kind(u32 id) const noexcept { return id == 0 ? BTF_KIND_UNKN : (type(id).info >> 24) & 0x1f; }
  u32 vlen(u32 id) const noexcept { return id == 0 ? 0 : type(id).info & 0xffff; }
  bool kind_flag(u32 id) const noexcept { return id != 0 && (type(id).info >> 31) != 0; }
  // Record of a type other than void: `size` or `type` as its kind says.
  const btf_type& type(u32 id) const noexcept;
  std::string_view name(u32 id) const noexcept { return id == 0 ? "void" : string_at(type(id).name_off); }

  IntEncoding int_encoding(u32 id) const noexcept;
  const btf_array& array(u32 id) const noexcept { return *tail<btf_array>(id); }
  Member member(u32 id, u32 index) const noexcept;  // struct, union
  std::span<const btf_enum> enums(u32 id) const noexcept { return {tail<btf_enum>(id), vlen(id)}; }
  std::span<const btf_enum64> enums64(u32 id) const noexcept { return {tail<btf_enum64>(id), vlen(id)}; }
  std::span<const btf_param> params(u32 id) const noexcept { return {tail<btf_param>(id), vlen(id)}; }
  std::span<const btf_var_secinfo> section_vars(u32 id) const noexcept { return {tail<btf_var_secinfo>(id), vlen(id)}; }
  u32 var_linkage(u32 id) const noexcept { return tail<btf_var>(id)->linkage; }
  s32 component_index(u32 id) const noexcept { return tail<btf_decl_tag>(id)->component_idx; }

  // Empty view: no such offset.
  std::string_view string_at(u32 offset) const noexcept;
  bool has_string(u32 offset) const noexcept { return offset < strings_.size(); }

  // Behind typedef, const, volatile, restrict and type tags.
  u32 skip_modifiers(u32 id) const noexcept;
  // Bytes of a value of this type; nothing for void, functions, forward declarations.
  std::optional<u64> size_of(u32 id) const noexcept;
  // First type of that kind and name.
  std::optional<u32> find(std::string_view name, u32 kind) const noexcept;

  base::ConstBytes blob() const noexcept { return blob_; }

 private:
  friend class Parser;
  Btf() = default;
  template <class T>
  const T* tail(u32 id) const noexcept {
    return reinterpret_cast<const T*>(blob_.data() + offsets_[id] + sizeof(btf_type));
  }

  std::vector<std::byte> blob_;
  std::vector<u32> offsets_;  // of each record in blob_; [0] unused
  std::string_view strings_;
};

// Whole-blob checks after every record is known (btf_check.cc): references, names, sizes, containment.
base::Status check_types(const Btf& btf);

// Bytes behind the record head for this kind, or nothing for an unknown kind.
std::optional<u32> tail_bytes(u32 kind, u32 vlen) noexcept;

}  // namespace bpf::btf
