// SPDX-License-Identifier: Apache-2.0
// Names of the kernel's. bpf_f___v2: a function or symbol as one of several kernels has it; the name ends before the
// underscores.
#include <memory>
#include <set>

#include "bpf/load/prepare_steps.h"

namespace bpf::load::prepare_steps {

namespace {

std::string plain_name(const std::string& name) {
  const auto end = name.find("___");
  return end == 0 ? name : name.substr(0, end);
}

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

const btf_type* unmodified(const btf& types, base::u32 id) {
  const btf_type* type = btf__type_by_id(&types, id);
  while (type && (btf_is_mod(type) || btf_is_typedef(type))) type = btf__type_by_id(&types, type->type);
  return type;
}

// As CO-RE compares the types of functions: kinds, not names.
bool fits(const btf& ours, base::u32 our_id, const btf& theirs, base::u32 their_id, int depth = 0) {
  const btf_type* a = unmodified(ours, our_id);
  const btf_type* b = unmodified(theirs, their_id);
  constexpr int kDepthMax = 8;
  if (!a || !b || depth > kDepthMax || btf_kind(a) != btf_kind(b)) return false;
  if (btf_is_ptr(a) || btf_is_func(a)) return fits(ours, a->type, theirs, b->type, depth + 1);
  if (!btf_is_func_proto(a)) return true;
  if (btf_vlen(a) != btf_vlen(b)) return false;
  for (base::u32 k = 0; k < btf_vlen(a); ++k)
    if (!fits(ours, btf_params(a)[k].type, theirs, btf_params(b)[k].type, depth + 1)) return false;
  return fits(ours, a->type, theirs, b->type, depth + 1);
}

// libbpf keeps externs by name, so of several flavors one can be told it: the one that this kernel has.
std::string choose(const Object& object, const std::map<std::string, base::u32>& flavors) {
  if (flavors.size() == 1) return flavors.begin()->first;
  const std::unique_ptr<btf, FreeBtf> kernel(btf__load_vmlinux_btf());
  const std::string plain = plain_name(flavors.begin()->first);
  const int id = kernel ? btf__find_by_name_kind(kernel.get(), plain.c_str(), BTF_KIND_FUNC) : -1;
  for (const auto& [name, type] : flavors)
    if (id > 0 && fits(object.types, type, *kernel, static_cast<base::u32>(id))) return name;
  return flavors.begin()->first;
}

}  // namespace

bool drop_flavors(Object object) {
  const int section = btf__find_by_name_kind(&object.types, ".ksyms", BTF_KIND_DATASEC);
  if (section < 0) return false;
  std::set<std::string> taken;
  std::map<std::string, std::map<std::string, base::u32>> flavored;  // by plain name
  const btf_type* externs = btf__type_by_id(&object.types, static_cast<base::u32>(section));
  for (base::u32 k = 0; k < btf_vlen(externs); ++k) {
    const base::u32 id = btf_var_secinfos(externs)[k].type;
    const std::string name(object.name(btf__type_by_id(&object.types, id)->name_off));
    if (plain_name(name) == name)
      taken.insert(name);
    else
      flavored[plain_name(name)][name] = id;
  }
  bool any = false;
  for (const auto& [plain, flavors] : flavored) {
    if (taken.contains(plain)) continue;
    const std::string chosen = choose(object, flavors);
    object.rename(flavors.at(chosen), plain);
    for (Elf64_Sym& s : object.elf.symbols())
      if (s.st_shndx == SHN_UNDEF && object.elf.symbol_name(s) == chosen) object.elf.rename_symbol(s, plain);
    any = true;
  }
  return any;
}

bool list_symbols(Object object) {
  const int section = btf__find_by_name_kind(&object.types, ".ksyms", BTF_KIND_DATASEC);
  if (section < 0) return false;
  const btf_type* externs = btf__type_by_id(&object.types, static_cast<base::u32>(section));
  for (base::u32 k = 0; k < btf_vlen(externs); ++k) {
    const btf_type* variable = btf__type_by_id(&object.types, btf_var_secinfos(externs)[k].type);
    if (!btf_is_var(variable)) continue;
    const btf_type* type = btf__type_by_id(&object.types, variable->type);
    while (type && btf_is_mod(type)) type = btf__type_by_id(&object.types, type->type);
    if (!type || !btf_is_void(type)) continue;
    const std::string name(object.name(variable->name_off));
    for (const Elf64_Sym& s : object.elf.symbols())
      if (s.st_shndx == SHN_UNDEF && ELF64_ST_BIND(s.st_info) != STB_WEAK && object.elf.symbol_name(s) == name)
        object.out.symbols.insert(name);
  }
  return false;  // nothing of the object has changed
}

}  // namespace bpf::load::prepare_steps
