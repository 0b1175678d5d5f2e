// SPDX-License-Identifier: Apache-2.0
// btf_check.cc — what must hold between type records before anyone follows their ids.
//
// Shape     per record: head fields and elements; then two walks for endless chains:
//             by value (struct, union, array, modifiers): a type must not contain itself;
//             by reference (pointer, array, modifiers): a chain must reach a struct, a function or a basic type.
#include <string>

#include "bpf/btf/btf.h"

namespace bpf::btf {
namespace {

bool is_modifier(u32 kind) {
  return kind == BTF_KIND_TYPEDEF || kind == BTF_KIND_VOLATILE || kind == BTF_KIND_CONST || kind == BTF_KIND_RESTRICT ||
         kind == BTF_KIND_TYPE_TAG;
}

// Letters are those of Latin-1, as the host kernel counts them.
bool is_letter(char c) {
  const u8 u = static_cast<u8>(c);
  return (u >= 'a' && u <= 'z') || (u >= 'A' && u <= 'Z') || (u >= 0xc0 && u != 0xd7 && u != 0xf7);
}

bool identifier_char(char c, bool first) {
  return is_letter(c) || c == '_' || c == '.' || (!first && c >= '0' && c <= '9');
}

bool is_identifier(std::string_view s) {
  if (s.empty() || s.size() >= 512) return false;
  for (std::size_t i = 0; i < s.size(); ++i)
    if (!identifier_char(s[i], i == 0)) return false;
  return true;
}

bool is_section_name(std::string_view s) {
  if (s.empty() || s.size() >= 512) return false;
  for (const char c : s)
    if (const u8 u = static_cast<u8>(c); u < 0x20 || (u > 0x7e && u < 0xa0)) return false;
  return true;
}

class Checker {
 public:
  explicit Checker(const Btf& btf) : btf_(btf) {}

  base::Status run() {
    for (id_ = 1; id_ < btf_.count(); ++id_) SLUICE_CHECK(check_record());
    SLUICE_CHECK(check_chains(&Checker::value_edges, "contains itself by value"));
    return check_chains(&Checker::reference_edges, "is an endless chain of pointers and modifiers");
  }

 private:
  base::Error bad(std::string what) const {
    return base::Error(EINVAL, "BTF: [" + std::to_string(id_) + "] " + std::move(what));
  }

  enum class Name { any, none, optional, identifier, section };

  base::Status check_name(Name rule) const {
    const u32 off = btf_.type(id_).name_off;
    if (!btf_.has_string(off)) return bad("Invalid name_offset:" + std::to_string(off));
    const std::string_view name = btf_.string_at(off);
    const bool ok = rule == Name::any          ? true
                    : rule == Name::none       ? off == 0
                    : rule == Name::optional   ? off == 0 || is_identifier(name)
                    : rule == Name::identifier ? is_identifier(name)
                                               : is_section_name(name);
    if (!ok) return bad("Invalid name");
    return base::success();
  }

  base::Status check_element_name(u32 off, bool required) const {
    if (!btf_.has_string(off)) return bad("Invalid name_offset:" + std::to_string(off));
    if ((required || off != 0) && !is_identifier(btf_.string_at(off))) return bad("Invalid name of an element");
    return base::success();
  }

  base::Status check_ref(u32 id) const {
    if (!btf_.valid(id)) return bad("Invalid type_id " + std::to_string(id));
    return base::success();
  }

  // A type that a variable, member or element can have.
  base::Status check_value_ref(u32 id) const {
    SLUICE_CHECK(check_ref(id));
    const u32 kind = btf_.kind(id);
    if (id == 0 || kind == BTF_KIND_FUNC || kind == BTF_KIND_FUNC_PROTO || kind == BTF_KIND_FWD ||
        kind == BTF_KIND_VAR || kind == BTF_KIND_DATASEC || kind == BTF_KIND_DECL_TAG)
      return bad("type " + std::to_string(id) + " has no size");
    return base::success();
  }

  base::Status check_target(u32 id) const {
    SLUICE_CHECK(check_ref(id));
    const u32 kind = btf_.kind(id);
    if (kind == BTF_KIND_FUNC || kind == BTF_KIND_VAR || kind == BTF_KIND_DATASEC || kind == BTF_KIND_DECL_TAG)
      return bad("Invalid type_id " + std::to_string(id));
    return base::success();
  }

  base::Status check_record() const {
    const u32 kind = btf_.kind(id_);
    const bool counted = kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION || kind == BTF_KIND_ENUM ||
                         kind == BTF_KIND_ENUM64 || kind == BTF_KIND_FUNC_PROTO || kind == BTF_KIND_DATASEC ||
                         kind == BTF_KIND_FUNC;
    if (!counted && btf_.vlen(id_) != 0) return bad("vlen != 0");
    const bool flag_ok = kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION || kind == BTF_KIND_FWD ||
                         kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64 || kind == BTF_KIND_DECL_TAG ||
                         kind == BTF_KIND_TYPE_TAG;
    if (!flag_ok && btf_.kind_flag(id_)) return bad("Invalid btf_info kind_flag");
    switch (kind) {
      case BTF_KIND_INT:
        return check_int();
      case BTF_KIND_FLOAT:
        return check_float();
      case BTF_KIND_PTR:
      case BTF_KIND_VOLATILE:
      case BTF_KIND_CONST:
      case BTF_KIND_RESTRICT:
        SLUICE_CHECK(check_name(Name::none));
        return check_target(btf_.type(id_).type);
      case BTF_KIND_TYPEDEF:
        SLUICE_CHECK(check_name(Name::identifier));
        return check_target(btf_.type(id_).type);
      case BTF_KIND_TYPE_TAG:
        if (!btf_.has_string(btf_.type(id_).name_off) || btf_.name(id_).empty()) return bad("Invalid name");
        return check_target(btf_.type(id_).type);
      case BTF_KIND_FWD:
        return check_name(Name::identifier);
      case BTF_KIND_ARRAY:
        return check_array();
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return check_struct();
      case BTF_KIND_ENUM:
      case BTF_KIND_ENUM64:
        return check_enum();
      case BTF_KIND_FUNC:
        return check_func();
      case BTF_KIND_FUNC_PROTO:
        return check_proto();
      case BTF_KIND_VAR:
        return check_var();
      case BTF_KIND_DATASEC:
        return check_datasec();
      case BTF_KIND_DECL_TAG:
        return check_decl_tag();
      default:
        return bad("Invalid kind");
    }
  }

  base::Status check_int() const {
    SLUICE_CHECK(check_name(Name::any));
    const IntEncoding e = btf_.int_encoding(id_);
    const u32 size = btf_.type(id_).size;
    if (e.bits + e.bit_offset > 128) return bad("nr_bits exceeds 128");
    if ((u32{e.bits} + e.bit_offset + 7) / 8 > size) return bad("nr_bits exceeds type_size");
    if (size == 0 || size > 16 || (size & (size - 1)) != 0) return bad("Invalid int size");
    if (e.is_signed + e.is_char + e.is_bool > 1) return bad("Unsupported encoding");
    return base::success();
  }

  base::Status check_float() const {
    SLUICE_CHECK(check_name(Name::any));
    const u32 size = btf_.type(id_).size;
    if (size != 2 && size != 4 && size != 8 && size != 12 && size != 16) return bad("Invalid type_size");
    return base::success();
  }

  base::Status check_array() const {
    SLUICE_CHECK(check_name(Name::none));
    const btf_array& a = btf_.array(id_);
    if (btf_.type(id_).size != 0) return bad("size != 0");
    SLUICE_CHECK(check_value_ref(a.type));
    SLUICE_CHECK(check_value_ref(a.index_type));
    return base::success();
  }

  base::Status check_struct() const {
    SLUICE_CHECK(check_name(Name::optional));
    const u64 bits = u64{btf_.type(id_).size} * 8;
    u32 last = 0;
    for (u32 i = 0; i < btf_.vlen(id_); ++i) {
      const Member m = btf_.member(id_, i);
      SLUICE_CHECK(check_element_name(m.name_off, false));
      SLUICE_CHECK(check_value_ref(m.type));
      if (btf_.kind(id_) == BTF_KIND_UNION && m.bit_offset != 0) return bad("Invalid member bits_offset");
      if (m.bit_offset < last) return bad("Invalid member bits_offset");
      if (m.bit_offset > bits) return bad("Member bits_offset exceeds its struct size");
      last = m.bit_offset;
    }
    return base::success();
  }

  base::Status check_enum() const {
    SLUICE_CHECK(check_name(Name::optional));
    const u32 size = btf_.type(id_).size;
    if (size == 0 || size > 8 || (size & (size - 1)) != 0) return bad("Unexpected size");
    if (btf_.kind(id_) == BTF_KIND_ENUM) {
      for (const btf_enum& e : btf_.enums(id_)) SLUICE_CHECK(check_element_name(e.name_off, true));
    } else {
      for (const btf_enum64& e : btf_.enums64(id_)) SLUICE_CHECK(check_element_name(e.name_off, true));
    }
    return base::success();
  }

  base::Status check_func() const {
    SLUICE_CHECK(check_name(Name::identifier));
    if (btf_.vlen(id_) > BTF_FUNC_EXTERN) return bad("Invalid func linkage");
    SLUICE_CHECK(check_ref(btf_.type(id_).type));
    const u32 proto = btf_.type(id_).type;
    if (btf_.kind(proto) != BTF_KIND_FUNC_PROTO) return bad("Invalid type_id: not a function prototype");
    const auto params = btf_.params(proto);
    for (const btf_param& p : params) {
      const bool variadic_end = &p == &params.back() && p.type == 0;
      if (!variadic_end && p.name_off == 0) return bad("Invalid arg#" + std::to_string(&p - params.data() + 1));
    }
    return base::success();
  }

  base::Status check_proto() const {
    SLUICE_CHECK(check_name(Name::none));
    SLUICE_CHECK(check_ref(btf_.type(id_).type));
    if (btf_.type(id_).type != 0) SLUICE_CHECK(check_value_ref(btf_.type(id_).type));
    const auto params = btf_.params(id_);
    for (const btf_param& p : params) {
      const bool last = &p == &params.back();
      if (p.type == 0) {
        if (!last || p.name_off != 0) return bad("Invalid arg: void");
        continue;
      }
      SLUICE_CHECK(check_element_name(p.name_off, false));
      SLUICE_CHECK(check_value_ref(p.type));
    }
    return base::success();
  }

  base::Status check_var() const {
    SLUICE_CHECK(check_name(Name::identifier));
    if (btf_.var_linkage(id_) > 1) return bad("Linkage not supported");
    return check_value_ref(btf_.type(id_).type);
  }

  base::Status check_datasec() const {
    SLUICE_CHECK(check_name(Name::section));
    const u32 size = btf_.type(id_).size;
    if (size == 0) return bad("Invalid size");
    u64 last_end = 0;
    for (const btf_var_secinfo& v : btf_.section_vars(id_)) {
      SLUICE_CHECK(check_ref(v.type));
      if (btf_.kind(v.type) != BTF_KIND_VAR) return bad("Not a VAR kind member");
      if (v.offset < last_end || v.offset >= size) return bad("Invalid offset");
      if (v.size == 0 || v.size > size || u64{v.offset} + v.size > size) return bad("Invalid size");
      last_end = u64{v.offset} + v.size;
      const auto var_bytes = size_of_var(v.type);
      if (var_bytes && v.size < *var_bytes) return bad("Invalid size: a variable is larger than its place");
    }
    return base::success();
  }

  // Only direct sizes: chains are not known to end yet.
  std::optional<u64> size_of_var(u32 var) const {
    const u32 target = btf_.type(var).type;
    if (!btf_.valid(target)) return std::nullopt;
    const u32 kind = btf_.kind(target);
    if (kind == BTF_KIND_INT || kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION) return btf_.type(target).size;
    return std::nullopt;
  }

  base::Status check_decl_tag() const {
    if (!btf_.has_string(btf_.type(id_).name_off) || btf_.name(id_).empty()) return bad("Invalid value");
    const s32 index = btf_.component_index(id_);
    if (index < -1) return bad("Invalid component_idx");
    const u32 target = btf_.type(id_).type;
    SLUICE_CHECK(check_ref(target));
    const u32 kind = btf_.kind(target);
    if (kind == BTF_KIND_FUNC) return base::success();
    if (kind != BTF_KIND_STRUCT && kind != BTF_KIND_UNION && kind != BTF_KIND_VAR && kind != BTF_KIND_TYPEDEF)
      return bad("Invalid type_id");
    if (index >= 0) {
      if (kind == BTF_KIND_VAR || kind == BTF_KIND_TYPEDEF) return bad("Invalid component_idx");
      if (static_cast<u32>(index) >= btf_.vlen(target)) return bad("Invalid component_idx");
    }
    return base::success();
  }

  // Edges of the two walks: the n-th type that `id` leads to.
  std::optional<u32> value_edges(u32 id, u32 n) const {
    const u32 kind = btf_.kind(id);
    if ((kind == BTF_KIND_STRUCT || kind == BTF_KIND_UNION) && n < btf_.vlen(id)) return btf_.member(id, n).type;
    if (kind == BTF_KIND_ARRAY && n == 0) return btf_.array(id).type;
    if (is_modifier(kind) && n == 0) return btf_.type(id).type;
    return std::nullopt;
  }
  std::optional<u32> reference_edges(u32 id, u32 n) const {
    const u32 kind = btf_.kind(id);
    if (n != 0) return std::nullopt;
    if (kind == BTF_KIND_ARRAY) return btf_.array(id).type;
    if (is_modifier(kind) || kind == BTF_KIND_PTR) return btf_.type(id).type;
    return std::nullopt;
  }

  base::Status check_chains(std::optional<u32> (Checker::*edge)(u32, u32) const, const char* what) {
    enum : u8 { kNew, kOpen, kDone };
    std::vector<u8> mark(btf_.count(), kNew);
    std::vector<std::pair<u32, u32>> path;
    for (u32 root = 1; root < btf_.count(); ++root) {
      if (mark[root] != kNew) continue;
      path.assign(1, {root, 0});
      mark[root] = kOpen;
      while (!path.empty()) {
        auto& [id, n] = path.back();
        const auto next = (this->*edge)(id, n++);
        if (!next) {
          mark[id] = kDone;
          path.pop_back();
        } else if (*next != 0 && mark[*next] == kOpen) {
          id_ = *next;
          return bad(std::string("Loop detected: the type ") + what);
        } else if (*next != 0 && mark[*next] == kNew) {
          mark[*next] = kOpen;
          path.emplace_back(*next, 0);
        }
      }
    }
    return base::success();
  }

  const Btf& btf_;
  u32 id_ = 0;
};

}  // namespace

base::Status check_types(const Btf& btf) {
  return Checker(btf).run();
}

}  // namespace bpf::btf
