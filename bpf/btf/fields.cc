// SPDX-License-Identifier: Apache-2.0
#include "bpf/btf/fields.h"

#include <algorithm>
#include <cerrno>
#include <string>
#include <vector>

namespace bpf::btf {
namespace {

constexpr u32 kFieldsMax = 11;
constexpr u32 kDepthMax = 32;

struct Row {
  FieldKind kind;
  std::string_view name;
  u32 size;
  u32 align;
  bool once;  // at most one in a value
};
constexpr Row kRows[] = {
    {FieldKind::spin_lock, "bpf_spin_lock", 4, 4, true},
    {FieldKind::res_spin_lock, "bpf_res_spin_lock", 4, 4, true},
    {FieldKind::timer, "bpf_timer", 16, 8, true},
    {FieldKind::workqueue, "bpf_wq", 16, 8, true},
    {FieldKind::task_work, "bpf_task_work", 8, 8, true},
    {FieldKind::kptr_untrusted, "kptr_untrusted", 8, 8, false},
    {FieldKind::kptr, "kptr", 8, 8, false},
    {FieldKind::percpu_kptr, "percpu_kptr", 8, 8, false},
    {FieldKind::uptr, "uptr", 8, 8, false},
    {FieldKind::list_head, "bpf_list_head", 16, 8, false},
    {FieldKind::list_node, "bpf_list_node", 24, 8, false},
    {FieldKind::rb_root, "bpf_rb_root", 16, 8, false},
    {FieldKind::rb_node, "bpf_rb_node", 32, 8, false},
    {FieldKind::refcount, "bpf_refcount", 4, 4, false},
};
static_assert(std::size(kRows) == kFieldKinds);

bool may_repeat(FieldKind kind) {
  return is_kptr(kind) || kind == FieldKind::list_head || kind == FieldKind::rb_root;
}

const Row* find_row(std::string_view name, bool pointer) {
  for (const Row& row : kRows)
    if (row.name == name && is_kptr(row.kind) == pointer) return &row;
  return nullptr;
}

class Finder {
 public:
  Finder(const Btf& types, u32 kinds) : types_(types), kinds_(kinds) {}

  base::Status scan(u32 type, u32 offset, u32 depth) {
    const u32 kind = types_.kind(type);
    if (kind == BTF_KIND_STRUCT) {
      for (u32 m = 0; m < types_.vlen(type); ++m) {
        const Member member = types_.member(type, m);
        SLUICE_CHECK(one(type, m, member.type, offset + member.bit_offset / 8, member.bit_offset % 8 != 0, depth));
      }
    } else if (kind == BTF_KIND_DATASEC) {
      for (const btf_var_secinfo& v : types_.section_vars(type))
        SLUICE_CHECK(one(v.type, 0, types_.type(v.type).type, offset + v.offset, false, depth));
    }
    return base::success();
  }

  std::vector<Field> found;

 private:
  // `owner`, `index`: the member or variable, for its declaration tags.
  base::Status one(u32 owner, u32 index, u32 type, u32 offset, bool split, u32 depth) {
    u64 count = 1;
    while (types_.kind(type) == BTF_KIND_ARRAY) {
      count *= types_.array(type).nelems;
      type = types_.array(type).type;
    }
    if (count == 0) return base::success();
    const Row* row = nullptr;
    u32 target = 0;
    if (types_.kind(type) == BTF_KIND_STRUCT) {
      row = find_row(types_.name(type), false);
      if (row == nullptr || (kinds_ & field_bit(row->kind)) == 0) return nested(type, offset, count, depth);
      if (types_.type(type).size != row->size) return base::success();
    } else {
      SLUICE_TRY(row, pointer(type, &target));
      if (row == nullptr || (kinds_ & field_bit(row->kind)) == 0) return base::success();
    }
    if (split || offset % row->align != 0) return base::success();  // as Linux: bytes like any other
    Field field{.kind = row->kind, .offset = offset, .size = row->size, .type = target, .node_offset = 0};
    if (row->kind == FieldKind::list_head || row->kind == FieldKind::rb_root)
      SLUICE_CHECK(contains(owner, index, field));
    const bool again = std::ranges::find(found, row->kind, &Field::kind) != found.end();
    if (row->once && again) return base::Error(E2BIG, "more than one " + std::string(row->name) + " in a value");
    if (count > 1 && !may_repeat(row->kind)) return base::Error(EINVAL, "an array of " + std::string(row->name));
    return repeat(field, row->size, count);
  }

  base::Status repeat(Field field, u32 stride, u64 count) {
    if (count + found.size() > kFieldsMax) return base::Error(E2BIG, "too many special fields in a value");
    for (u64 k = 0; k < count; ++k, field.offset += stride) found.push_back(field);
    return base::success();
  }

  base::Status nested(u32 type, u32 offset, u64 count, u32 depth) {
    if (depth + 1 >= kDepthMax) return base::Error(E2BIG, "structs are nested too deeply");
    const std::size_t before = found.size();
    SLUICE_CHECK(scan(type, offset, depth + 1));
    const std::vector<Field> inside(found.begin() + static_cast<std::ptrdiff_t>(before), found.end());
    if (inside.empty()) return base::success();
    const u32 stride = types_.type(type).size;
    for (u64 k = 1; k < count; ++k) {
      if (found.size() + inside.size() > kFieldsMax) return base::Error(E2BIG, "too many special fields in a value");
      for (Field f : inside) {
        if (!may_repeat(f.kind)) return base::Error(EINVAL, "an array of " + std::string(field_name(f.kind)));
        f.offset += static_cast<u32>(k) * stride;
        found.push_back(f);
      }
    }
    return base::success();
  }

  // A pointer whose target begins with exactly one of our tags, at most behind `volatile`.
  base::Result<const Row*> pointer(u32 type, u32* target) const {
    if (types_.kind(type) == BTF_KIND_VOLATILE) type = types_.type(type).type;
    if (types_.kind(type) != BTF_KIND_PTR) return nullptr;
    const u32 tag = types_.type(type).type;
    if (types_.kind(tag) != BTF_KIND_TYPE_TAG || types_.kind_flag(tag)) return nullptr;
    const Row* row = find_row(types_.name(tag), true);
    const u32 behind = types_.type(tag).type;
    if (types_.kind(behind) == BTF_KIND_TYPE_TAG && !types_.kind_flag(behind))
      return base::Error(EINVAL, "a pointer in a map value has several tags");
    if (row == nullptr) return base::Error(EINVAL, "a pointer in a value has an unknown tag");
    *target = types_.skip_modifiers(behind);
    if (types_.kind(*target) != BTF_KIND_STRUCT)
      return base::Error(EINVAL, "a pointer tagged " + std::string(row->name) + " does not point to a struct");
    return row;
  }

  // The tag "contains:STRUCT:MEMBER" says what a list or tree holds.
  base::Status contains(u32 owner, u32 index, Field& field) const {
    constexpr std::string_view kTag = "contains:";
    const bool is_member = types_.kind(owner) == BTF_KIND_STRUCT;
    std::optional<std::string_view> said;
    for (u32 id = 1; id < types_.count(); ++id) {
      if (types_.kind(id) != BTF_KIND_DECL_TAG || types_.type(id).type != owner) continue;
      if (types_.component_index(id) != (is_member ? static_cast<s32>(index) : -1)) continue;
      if (!types_.name(id).starts_with(kTag)) continue;
      if (said) return base::Error(EINVAL, "a list or tree with two contains: tags");
      said = types_.name(id).substr(kTag.size());
    }
    if (!said) return base::Error(EINVAL, std::string(field_name(field.kind)) + " without a contains: tag");
    const std::size_t colon = said->find(':');
    if (colon == std::string_view::npos) return base::Error(EINVAL, "a contains: tag without a member");
    const auto element = types_.find(said->substr(0, colon), BTF_KIND_STRUCT);
    if (!element) return base::Error(ENOENT, "a contains: tag names no struct");
    field.type = *element;
    return find_node(*element, said->substr(colon + 1), field);
  }

  base::Status find_node(u32 element, std::string_view name, Field& field) const {
    const bool list = field.kind == FieldKind::list_head;
    for (u32 m = 0; m < types_.vlen(element); ++m) {
      const Member member = types_.member(element, m);
      if (types_.string_at(member.name_off) != name) continue;
      const bool node = types_.kind(member.type) == BTF_KIND_STRUCT &&
                        types_.name(member.type) == (list ? "bpf_list_node" : "bpf_rb_node");
      if (!node || member.bit_offset % 64 != 0) return base::Error(EINVAL, "a contains: tag names no node");
      field.node_offset = member.bit_offset / 8;
      return base::success();
    }
    return base::Error(ENOENT, "a contains: tag names no member");
  }

  const Btf& types_;
  const u32 kinds_;
};

}  // namespace

std::string_view field_name(FieldKind kind) {
  return kRows[static_cast<u32>(kind)].name;
}

const Field* Fields::find(FieldKind kind) const noexcept {
  const auto it = std::ranges::find(all_, kind, &Field::kind);
  return it == all_.end() ? nullptr : &*it;
}

const Field* Fields::at(u32 offset) const noexcept {
  const auto it = std::ranges::find(all_, offset, &Field::offset);
  return it == all_.end() ? nullptr : &*it;
}

const Field* Fields::within(u32 begin, u32 end) const noexcept {
  const auto it =
      std::ranges::find_if(all_, [&](const Field& f) { return f.offset < end && begin < f.offset + f.size; });
  return it == all_.end() ? nullptr : &*it;
}

base::Result<Fields> find_fields(const Btf& types, u32 type, u32 kinds, u32 size) {
  Finder finder(types, kinds);
  SLUICE_CHECK(finder.scan(type, 0, 0));
  Fields out;
  out.all_ = std::move(finder.found);
  std::ranges::sort(out.all_, {}, &Field::offset);
  u32 end = 0;
  for (const Field& f : out.all_) {
    if (f.offset + f.size > size) return base::Error(EFAULT, std::string(field_name(f.kind)) + " outside of the value");
    if (f.offset < end) return base::Error(EEXIST, std::string(field_name(f.kind)) + " overlaps another field");
    end = f.offset + f.size;
    out.bits_ |= field_bit(f.kind);
  }
  const bool locked = out.has(FieldKind::spin_lock) || out.has(FieldKind::res_spin_lock);
  if (out.has(FieldKind::spin_lock) && out.has(FieldKind::res_spin_lock))
    return base::Error(EINVAL, "locks of two kinds in a value");
  if (out.has(field_bit(FieldKind::list_head) | field_bit(FieldKind::rb_root)) && !locked)
    return base::Error(EINVAL, "a list or tree without a lock beside it");
  return out;
}

}  // namespace bpf::btf
