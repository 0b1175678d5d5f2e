// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/struct_walk.h"

#include <cerrno>

#include "bpf/verifier/problem.h"
#include "bpf/verifier/state.h"

namespace bpf::verifier {
namespace {

using base::u64;

constexpr int kNestingMax = 3;  // structs in structs that Linux follows

std::string text(std::string_view s) {
  return std::string(s);
}

// One access on its way into a struct.
class Descent {
 public:
  Descent(const btf::Btf& types, u32 id, u32 off, u32 size) : types_(types), id_(id), off_(off), size_(size) {}

  WalkedField run() {
    // Each turn goes into a struct or array element by value; containment is finite.
    for (;;) {
      if (types_.kind(id_) == BTF_KIND_UNION && types_.vlen(id_) != 1) from_union_ = true;
      if (u64{off_} + size_ > types_.type(id_).size && !enter_flexible_array()) return fault(EACCES, beyond());
      if (u64{off_} + size_ > types_.type(id_).size) continue;
      if (!enter_member()) return out_;
    }
  }

 private:
  WalkedField fault(int error, std::string log) {
    out_ = WalkedField{};
    out_.error = error;
    out_.log = std::move(log);
    return out_;
  }
  WalkedField number() {
    out_ = WalkedField{};
    out_.is = WalkedField::Is::number;
    return out_;
  }
  std::string beyond() const {
    return format("access beyond struct %s at off %u size %u\n", text(types_.name(id_)).c_str(), off_, size_);
  }

  // The last member may be an array of structs without length.
  bool enter_flexible_array() {
    const u32 members = types_.vlen(id_);
    if (members == 0) return false;
    const btf::Member m = types_.member(id_, members - 1);
    const u32 array = types_.skip_modifiers(m.type);
    if (types_.kind(array) != BTF_KIND_ARRAY || types_.array(array).nelems != 0) return false;
    const u32 begin = m.bit_offset / 8;
    const u32 element = types_.skip_modifiers(types_.array(array).type);
    if (off_ < begin || !is_struct(types_, element) || types_.type(element).size == 0) return false;
    off_ = (off_ - begin) % types_.type(element).size;
    id_ = element;
    return off_ + size_ <= types_.type(element).size || types_.vlen(element) != 0;
  }

  // False: out_ is set. True: id_ and off_ went one level down.
  bool enter_member() {
    for (u32 k = 0; k < types_.vlen(id_); ++k) {
      const btf::Member m = types_.member(id_, k);
      const u32 begin = m.bit_offset / 8;
      if (off_ + size_ <= begin) break;
      if (m.bitfield_bits != 0) {
        const u32 end = (m.bit_offset + m.bitfield_bits + 7) / 8;
        if (off_ <= begin && end <= off_ + size_) return number(), false;
        continue;
      }
      if (off_ < begin) break;
      const auto bytes = types_.size_of(m.type);
      if (!bytes)
        return fault(EFAULT, format("field %s doesn't have size\n", text(types_.string_at(m.name_off)).c_str())), false;
      if (off_ >= begin + *bytes) continue;
      return at_member(m, begin, *bytes);
    }
    fault(EINVAL, format("struct %s doesn't have field at offset %u\n", text(types_.name(id_)).c_str(), off_));
    return false;
  }

  bool at_member(const btf::Member& m, u32 begin, u64 bytes) {
    const u64 end = begin + bytes;
    u32 type = types_.skip_modifiers(m.type);
    u64 at = begin;
    if (types_.kind(type) == BTF_KIND_ARRAY) {
      u64 count = 1;
      while (types_.kind(type) == BTF_KIND_ARRAY) {
        count *= types_.array(type).nelems;
        type = types_.skip_modifiers(types_.array(type).type);
      }
      bytes /= count == 0 ? 1 : count;
      if (bytes != 0) at += (off_ - begin) / bytes * bytes;
    }
    if (is_struct(types_, type)) {
      id_ = type;
      off_ -= static_cast<u32>(at);
      return true;
    }
    const std::string name = text(types_.string_at(m.name_off)), owner = text(types_.name(id_));
    if (types_.kind(type) == BTF_KIND_PTR) {
      if (bytes != size_ || off_ != at)
        return fault(EACCES, format("cannot access ptr member %s with moff %u in struct %s with off %u size %u\n",
                                    name.c_str(), static_cast<u32>(at), owner.c_str(), off_, size_)),
               false;
      if (!pointer(m, types_.type(type).type)) out_ = WalkedField{.is = WalkedField::Is::memory};
      return false;
    }
    if (u64{off_} + size_ > end)
      return fault(EACCES, format("access beyond the end of member %s (mend:%u) in struct %s with off %u size %u\n",
                                  name.c_str(), static_cast<u32>(end), owner.c_str(), off_, size_)),
             false;
    number();
    return false;
  }

  // True: it points to a struct.
  bool pointer(const btf::Member& m, u32 pointee) {
    const u32 target = types_.skip_modifiers(pointee);
    if (!is_struct(types_, target)) return false;
    out_ = WalkedField{};
    out_.is = WalkedField::Is::pointer;
    out_.target = target;
    out_.name = types_.string_at(m.name_off);
    out_.owner = id_;
    if (from_union_) out_.flags |= kUntrusted;
    if (types_.kind(pointee) == BTF_KIND_TYPE_TAG && !types_.kind_flag(pointee)) {
      const std::string_view tag = types_.name(pointee);
      out_.flags |= tag == "user" ? kUser : tag == "percpu" ? kPercpu : tag == "rcu" ? kRcu : 0;
    }
    return true;
  }

  const btf::Btf& types_;
  u32 id_;
  u32 off_;
  const u32 size_;
  bool from_union_ = false;
  WalkedField out_;
};

}  // namespace

bool is_struct(const btf::Btf& types, u32 id) {
  return types.kind(id) == BTF_KIND_STRUCT || types.kind(id) == BTF_KIND_UNION;
}

const char* kind_name(u32 kind) {
  constexpr const char* kNames[] = {"UNKNOWN", "INT",     "PTR",      "ARRAY",    "STRUCT",   "UNION", "ENUM",
                                    "FWD",     "TYPEDEF", "VOLATILE", "CONST",    "RESTRICT", "FUNC",  "FUNC_PROTO",
                                    "VAR",     "DATASEC", "FLOAT",    "DECL_TAG", "TYPE_TAG", "ENUM64"};
  return kind < std::size(kNames) ? kNames[kind] : "UNKNOWN";
}

WalkedField walk_struct(const btf::Btf& types, u32 id, u32 off, u32 size) {
  return Descent(types, id, off, size).run();
}

bool struct_matches(const btf::Btf& types, u32 id, u32 off, const btf::Btf& wanted_types, u32 wanted, bool strict) {
  const bool same_btf = &types == &wanted_types;
  for (;;) {
    id = types.skip_modifiers(id);
    if (off == 0 && same_btf && id == wanted) return true;
    if (strict || !is_struct(types, id)) return false;
    // Down to the member that begins at the offset, or that contains it.
    u32 next = 0;
    for (u32 k = 0; k < types.vlen(id) && next == 0; ++k) {
      const btf::Member m = types.member(id, k);
      const auto bytes = types.size_of(m.type);
      const u32 begin = m.bit_offset / 8;
      if (m.bitfield_bits != 0 || !bytes || off < begin || off >= begin + *bytes) continue;
      u32 type = types.skip_modifiers(m.type);
      u64 element = *bytes;
      while (types.kind(type) == BTF_KIND_ARRAY) {
        element /= types.array(type).nelems == 0 ? 1 : types.array(type).nelems;
        type = types.skip_modifiers(types.array(type).type);
      }
      if (!is_struct(types, type) || element == 0) return false;
      off = static_cast<u32>((off - begin) % element);
      next = type;
    }
    if (next == 0) return false;
    id = next;
  }
}

bool is_number_struct(const btf::Btf& types, u32 id, int depth) {
  if (!is_struct(types, id)) return false;
  for (u32 k = 0; k < types.vlen(id); ++k) {
    u32 type = types.skip_modifiers(types.member(id, k).type);
    if (is_struct(types, type)) {
      if (depth >= kNestingMax || !is_number_struct(types, type, depth + 1)) return false;
      continue;
    }
    if (types.kind(type) == BTF_KIND_ARRAY) {
      if (types.array(type).nelems == 0) return false;
      type = types.skip_modifiers(types.array(type).type);
    }
    const u32 kind = types.kind(type);
    if (kind != BTF_KIND_INT && kind != BTF_KIND_ENUM && kind != BTF_KIND_ENUM64) return false;
  }
  return true;
}

}  // namespace bpf::verifier
