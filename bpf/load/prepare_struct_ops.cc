// SPDX-License-Identifier: Apache-2.0
// struct_ops: which program stands for which member of which struct, read from the relocations of the variables.
#include <algorithm>
#include <cstring>

#include "bpf/load/prepare_steps.h"

namespace bpf::load::prepare_steps {
namespace {

constexpr std::string_view kSections[] = {".struct_ops", ".struct_ops.link", "?.struct_ops", "?.struct_ops.link"};

const Elf64_Sym* variable_at(Object& object, std::size_t section, base::u64 at) {
  for (const Elf64_Sym& s : object.elf.symbols())
    if (s.st_shndx == section && ELF64_ST_TYPE(s.st_info) == STT_OBJECT && at >= s.st_value &&
        at - s.st_value < s.st_size)
      return &s;
  return nullptr;
}

std::optional<StructOpsMember> member_at(Object& object, std::string_view variable, base::u64 off) {
  const int var = btf__find_by_name_kind(&object.types, std::string(variable).c_str(), BTF_KIND_VAR);
  const int id = var > 0 ? btf__resolve_type(&object.types, static_cast<base::u32>(var)) : -1;
  const btf_type* type = id > 0 ? btf__type_by_id(&object.types, static_cast<base::u32>(id)) : nullptr;
  if (!type || !btf_is_struct(type)) return std::nullopt;
  for (base::u32 k = 0; k < btf_vlen(type); ++k) {
    if (btf_member_bit_offset(type, k) != off * 8) continue;
    const std::string_view name = object.name(type->name_off);
    return StructOpsMember{std::string(name.substr(0, name.find("___"))),
                           std::string(object.name(btf_members(type)[k].name_off))};
  }
  return std::nullopt;
}

// The function that the word at `rel` points to.
std::string_view program_of(Object& object, std::size_t section, const Elf64_Rel& rel) {
  const auto& symbols = object.elf.symbols();
  const auto index = ELF64_R_SYM(rel.r_info);
  const auto& bytes = object.elf.section(section).bytes;
  if (index >= symbols.size() || rel.r_offset > bytes.size() || bytes.size() - rel.r_offset < sizeof(base::u64))
    return {};
  const Elf64_Sym& target = symbols[index];
  if (ELF64_ST_TYPE(target.st_info) == STT_FUNC) return object.elf.symbol_name(target);
  base::u64 addend = 0;
  std::memcpy(&addend, bytes.data() + rel.r_offset, sizeof addend);
  for (const Elf64_Sym& s : symbols)
    if (ELF64_ST_TYPE(s.st_info) == STT_FUNC && s.st_shndx == target.st_shndx && s.st_value == target.st_value + addend)
      return object.elf.symbol_name(s);
  return {};
}

void read_members(Object& object, std::size_t section) {
  const auto relocations = object.elf.find_relocations(section);
  if (!relocations) return;
  for (const Elf64_Rel& rel : object.elf.relocations(*relocations)) {
    const std::string_view program = program_of(object, section, rel);
    const Elf64_Sym* variable = variable_at(object, section, rel.r_offset);
    if (program.empty() || !variable) continue;
    if (auto member = member_at(object, object.elf.symbol_name(*variable), rel.r_offset - variable->st_value))
      object.out.members.emplace(program, *std::move(member));
  }
}

}  // namespace

bool hide_struct_ops(Object object) {
  bool any = false;
  for (std::size_t i = 1; i < object.elf.section_count(); ++i) {
    const std::string name(object.elf.section_name(i));
    if (std::ranges::find(kSections, name) == std::end(kSections)) continue;
    read_members(object, i);
    const std::string hidden = ".sluice.ops." + std::to_string(i);
    object.elf.rename_section(i, hidden);
    if (const auto rel = object.elf.find_relocations(i)) object.elf.rename_section(*rel, ".rel" + hidden);
    const int types = btf__find_by_name_kind(&object.types, name.c_str(), BTF_KIND_DATASEC);
    if (types > 0) object.rename(static_cast<base::u32>(types), hidden);
    any = true;
  }
  return any;
}

}  // namespace bpf::load::prepare_steps
