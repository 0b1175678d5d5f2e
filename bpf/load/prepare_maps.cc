// SPDX-License-Identifier: Apache-2.0
// Maps: a map_extra of 64 bits, and global variables that live in an arena.
#include "bpf/load/prepare_steps.h"

namespace bpf::load::prepare_steps {
namespace {

std::optional<base::u64> only_value(const btf_type* type) {
  if (btf_vlen(type) != 1) return std::nullopt;
  if (btf_is_enum(type)) return static_cast<base::u32>(btf_enum(type)->val);
  if (btf_is_enum64(type)) return btf_enum64_value(btf_enum64(type));
  return std::nullopt;
}

// The value of a map's map_extra, and the place where its type stands.
std::optional<base::u64> find_extra(const Object& object, base::u32 map_type, base::u32& member) {
  const btf_type* type = btf__type_by_id(&object.types, map_type);
  if (!type || !btf_is_struct(type)) return std::nullopt;
  for (member = 0; member < btf_vlen(type); ++member) {
    const btf_member& m = btf_members(type)[member];
    const btf_type* of = btf__type_by_id(&object.types, m.type);
    if (of && object.name(m.name_off) == "map_extra") return only_value(of);
  }
  return std::nullopt;
}

}  // namespace

bool take_map_extra(Object object) {
  const int section = btf__find_by_name_kind(&object.types, ".maps", BTF_KIND_DATASEC);
  if (section < 0) return false;
  std::map<base::u32, base::u32> places;  // struct -> member
  const btf_type* maps = btf__type_by_id(&object.types, static_cast<base::u32>(section));
  for (base::u32 k = 0; k < btf_vlen(maps); ++k) {
    const btf_type* var = btf__type_by_id(&object.types, btf_var_secinfos(maps)[k].type);
    const int type = btf__resolve_type(&object.types, var->type);
    base::u32 member = 0;
    if (type < 0) continue;
    const auto value = find_extra(object, static_cast<base::u32>(type), member);
    if (!value) continue;
    object.out.map_extra[std::string(object.name(var->name_off))] = *value;
    places[static_cast<base::u32>(type)] = member;
  }
  if (places.empty()) return false;
  const int index = btf__add_int(&object.types, "unsigned int", 4, 0);
  const int zero = btf__add_ptr(&object.types, btf__add_array(&object.types, index, index, 0));
  for (const auto& [type, member] : places)
    btf_members(const_cast<btf_type*>(btf__type_by_id(&object.types, type)))[member].type =
        static_cast<base::u32>(zero);
  return true;
}

bool move_arena_data(Object object) {
  constexpr char kName[] = ".addr_space.1";
  const auto section = object.elf.find_section(kName);
  if (!section) return false;
  object.elf.rename_section(*section, kArenaDataSection);
  const int types = btf__find_by_name_kind(&object.types, kName, BTF_KIND_DATASEC);
  if (types > 0) object.rename(static_cast<base::u32>(types), kArenaDataSection);
  object.out.arena_data = true;
  return true;
}

}  // namespace bpf::load::prepare_steps
