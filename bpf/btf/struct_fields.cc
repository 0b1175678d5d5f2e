// SPDX-License-Identifier: Apache-2.0
// struct_fields.cc — the special fields of the structs that programs may allocate.
#include <algorithm>
#include <cerrno>
#include <string>

#include "bpf/btf/fields.h"

namespace bpf::btf {
namespace {

constexpr std::string_view kObjects[] = {"bpf_spin_lock", "bpf_res_spin_lock", "bpf_list_head", "bpf_list_node",
                                         "bpf_rb_root",   "bpf_rb_node",       "bpf_refcount"};
constexpr u32 kRoots = field_bit(FieldKind::list_head) | field_bit(FieldKind::rb_root);
constexpr u32 kNodes = field_bit(FieldKind::list_node) | field_bit(FieldKind::rb_node);

bool is_tag_of_pointer(const Btf& types, u32 id) {
  if (types.kind(id) != BTF_KIND_PTR) return false;
  const u32 tag = types.type(id).type;
  if (types.kind(tag) != BTF_KIND_TYPE_TAG || types.kind_flag(tag)) return false;
  const std::string_view name = types.name(tag);
  return name == "kptr" || name == "kptr_untrusted" || name == "percpu_kptr";
}

// Does the struct itself, not one inside it, have such an object?
bool has_own_object(const Btf& types, u32 id) {
  if (types.kind(id) != BTF_KIND_STRUCT) return false;
  for (u32 m = 0; m < types.vlen(id); ++m) {
    const u32 type = types.member(id, m).type;
    if (types.kind(type) == BTF_KIND_STRUCT && std::ranges::find(kObjects, types.name(type)) != std::end(kObjects))
      return true;
    if (is_tag_of_pointer(types, type)) return true;
  }
  return false;
}

// An element that holds a list or tree must not hold one of elements that do so again.
base::Status check_ownership(const Btf& types, const Fields& fields) {
  if (!fields.has(kRoots) || !fields.has(kNodes)) return base::success();
  for (const Field& f : fields.all()) {
    if ((field_bit(f.kind) & kRoots) == 0) continue;
    const auto element = find_struct_fields(types, f.type);
    if (element && element->has(kRoots)) return base::Error(ELOOP, "elements that hold one another");
  }
  return base::success();
}

}  // namespace

base::Result<Fields> find_struct_fields(const Btf& types, u32 type) {
  if (!has_own_object(types, type)) return Fields();
  return find_fields(types, type, kStructFields, types.type(type).size);
}

base::Status check_struct_fields(const Btf& types) {
  for (u32 id = 1; id < types.count(); ++id) {
    if (!has_own_object(types, id)) continue;
    SLUICE_TRY(const Fields fields, find_struct_fields(types, id));
    const std::string where = "struct " + std::string(types.name(id)) + ": ";
    if (fields.empty()) return base::Error(EFAULT, where + "a special field is misaligned");
    SLUICE_CHECK(check_ownership(types, fields));
  }
  return base::success();
}

}  // namespace bpf::btf
