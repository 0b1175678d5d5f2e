// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/symbols.h"

#include <llvm/Object/ELFObjectFile.h>

#include <charconv>
#include <cstring>
#include <optional>

#include "bpf/runtime/native.h"

namespace bpf::jit {
namespace {

constexpr std::string_view kMapPrefix = "sluice_map_";
constexpr std::string_view kValuePrefix = "sluice_value_";

template <class T>
u64 address_of(T* target) {
  return reinterpret_cast<u64>(target);
}

struct MemoryFunction {
  std::string_view name;
  u64 address;
};
const MemoryFunction* find_memory_function(std::string_view name) {
  static const MemoryFunction kFunctions[] = {
      {"memcpy", address_of(&::memcpy)}, {"memmove", address_of(&::memmove)}, {"memset", address_of(&::memset)},
      {"memcmp", address_of(&::memcmp)}, {"bcmp", address_of(&::memcmp)},
  };
  for (const MemoryFunction& f : kFunctions)
    if (f.name == name) return &f;
  return nullptr;
}

// The map that `name` = prefix + index means, or nullptr.
bpf_map* find_map(std::string_view name, std::string_view prefix, std::span<bpf_map* const> maps) {
  if (!name.starts_with(prefix)) return nullptr;
  name.remove_prefix(prefix.size());
  size_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (error != std::errc() || end != name.data() + name.size() || index >= maps.size()) return nullptr;
  return maps[index];
}

// Only single-element arrays have a value address; their look-up is a plain addition.
u64 find_value(bpf_map& map) {
  bpf_env env{};
  const u32 key = 0;
  return address_of(map.runtime->lookup(&env, &map, map.shape, &key));
}

const void* find_map_native(std::string_view name, std::span<bpf_map* const> maps) {
  for (const bpf_map* map : maps)
    for (const bpf_native* n = map->runtime->natives; n && n->name; ++n)
      if (n->name == name) return n->address;
  return nullptr;
}

std::optional<u64> find_address(std::string_view name, std::span<bpf_map* const> maps) {
  if (bpf_map* map = find_map(name, kMapPrefix, maps)) return address_of(map);
  if (bpf_map* map = find_map(name, kValuePrefix, maps)) {
    const u64 value = find_value(*map);
    return value ? std::optional(value) : std::nullopt;
  }
  if (const void* native = runtime::native_symbol(name)) return address_of(native);
  if (const void* native = find_map_native(name, maps)) return address_of(native);
  if (const MemoryFunction* f = find_memory_function(name)) return f->address;
  return std::nullopt;
}

base::Error refuse(const std::string& what) {
  return base::Error(EINVAL, "object: " + what);
}

}  // namespace

base::Result<std::vector<Symbol>> resolve_symbols(base::ConstBytes elf, std::span<bpf_map* const> maps) {
  const llvm::StringRef bytes(reinterpret_cast<const char*>(elf.data()), elf.size());
  auto parsed = llvm::object::ObjectFile::createELFObjectFile(llvm::MemoryBufferRef(bytes, "program"));
  if (!parsed) return refuse(llvm::toString(parsed.takeError()));
  const llvm::object::ObjectFile& file = **parsed;
  if (!file.isRelocatableObject() || file.getArch() != llvm::Triple::x86_64)
    return refuse("not a relocatable x86-64 file");

  std::vector<Symbol> symbols;
  for (const llvm::object::SymbolRef& symbol : file.symbols()) {
    auto flags = symbol.getFlags();
    if (!flags) return refuse(llvm::toString(flags.takeError()));
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined)) continue;
    auto name = symbol.getName();
    if (!name) return refuse(llvm::toString(name.takeError()));
    // Number 0 of every symbol table, and the name the assembler leaves for the table itself.
    if (name->empty() || *name == "_GLOBAL_OFFSET_TABLE_") continue;
    const std::optional<u64> address = find_address(std::string_view(*name), maps);
    if (!address) return refuse("refers to '" + name->str() + "', which is no map, helper or memory function");
    symbols.push_back({name->str(), *address});
  }
  return symbols;
}

}  // namespace bpf::jit
