// SPDX-License-Identifier: Apache-2.0
// elf_image.h — a relocatable object taken apart, so that names and bytes in it can be changed, and put together again.
//
// Shape     sections and symbols by their numbers in the file; numbers never change. Names live in the file's own
//           string tables, which only grow. The layout of what is written is our own: heads first, then sections.
// Threads   a plain value. Lifetime: owns its bytes.
// Errors    ENOEXEC: not a 64-bit little-endian relocatable object, or a table of it lies outside of the file.
// Cost      copies the object twice.
#pragma once

#include <elf.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace bpf::load {

struct ElfSection {
  Elf64_Shdr head{};
  std::vector<std::byte> bytes;  // empty for SHT_NOBITS
};

class ElfImage {
 public:
  static base::Result<ElfImage> parse(base::ConstBytes file);
  std::vector<std::byte> write() const;

  std::size_t section_count() const { return sections_.size(); }
  ElfSection& section(std::size_t i) { return sections_[i]; }
  std::string_view section_name(std::size_t i) const;
  std::optional<std::size_t> find_section(std::string_view name) const;
  // The section with the relocations of section i.
  std::optional<std::size_t> find_relocations(std::size_t i) const;
  std::vector<Elf64_Rel> relocations(std::size_t rel_section) const;
  void set_relocations(std::size_t rel_section, const std::vector<Elf64_Rel>& rows);
  void rename_section(std::size_t i, const std::string& name);

  std::vector<Elf64_Sym>& symbols() { return symbols_; }
  std::string_view symbol_name(const Elf64_Sym& symbol) const;
  // The function or object of that name that is in a section.
  std::optional<std::size_t> find_symbol(std::string_view name, unsigned char type) const;
  void rename_symbol(Elf64_Sym& symbol, const std::string& name);

 private:
  std::string_view string_at(std::size_t table, base::u32 off) const;
  base::u32 add_string(std::size_t table, const std::string& text);

  Elf64_Ehdr head_{};
  std::vector<ElfSection> sections_;
  std::vector<Elf64_Sym> symbols_;
  std::size_t symtab_ = 0;  // 0: there is none
};

}  // namespace bpf::load
