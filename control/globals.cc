// SPDX-License-Identifier: Apache-2.0
#include "control/globals.h"

namespace control {
namespace {

bool is_data_section(std::string_view name) {
  return name.starts_with(".rodata") || name.starts_with(".data") || name.starts_with(".bss");
}

}  // namespace

base::Result<GlobalVariable> find_global(const bpf::btf::Btf& types, std::string_view name) {
  std::string known;
  for (base::u32 id = 1; id < types.count(); ++id) {
    if (types.kind(id) != bpf::BTF_KIND_DATASEC || !is_data_section(types.name(id))) continue;
    for (const bpf::btf_var_secinfo& v : types.section_vars(id)) {
      if (types.name(v.type) == name)
        return GlobalVariable{std::string(types.name(id)), v.offset, types.type(v.type).type, v.size};
      known += (known.empty() ? "" : ", ") + std::string(types.name(v.type));
    }
  }
  return base::Error(ENOENT,
                     "no global variable '" + std::string(name) + "' (have: " + (known.empty() ? "none" : known) + ")");
}

}  // namespace control
