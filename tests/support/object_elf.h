// SPDX-License-Identifier: Apache-2.0
// object_elf.h — sections, symbols and relocations of a BPF object, for tests.
//
// Threads   immutable after open(). Lifetime: sections point into the Elf.
// Errors    EINVAL: not an ELF object for BPF. Objects are our own compiler's: nothing else is checked.
#pragma once

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/types.h"

namespace support {

using base::u32;

struct Section {
  std::string name;
  Elf64_Shdr header;
  base::ConstBytes bytes;
};

class Elf {
 public:
  static base::Result<Elf> open(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    Elf elf;
    const std::string text((std::istreambuf_iterator<char>(in)), {});
    elf.file_.resize(text.size());
    std::memcpy(elf.file_.data(), text.data(), text.size());
    Elf64_Ehdr head;
    if (text.size() < sizeof head) return base::Error(EINVAL, path + ": no ELF object");
    std::memcpy(&head, text.data(), sizeof head);
    if (head.e_machine != EM_BPF || std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0)
      return base::Error(EINVAL, path + ": not for BPF");
    for (u32 i = 0; i < head.e_shnum; ++i) {
      Section s;
      std::memcpy(&s.header, text.data() + head.e_shoff + i * sizeof s.header, sizeof s.header);
      if (s.header.sh_type != SHT_NOBITS)
        s.bytes = base::ConstBytes(elf.file_).subspan(s.header.sh_offset, s.header.sh_size);
      elf.sections_.push_back(std::move(s));
    }
    for (Section& s : elf.sections_) s.name = elf.string_at(head.e_shstrndx, s.header.sh_name);
    elf.read_symbols();
    return elf;
  }

  const std::vector<Section>& sections() const { return sections_; }
  const std::vector<Elf64_Sym>& symbols() const { return symbols_; }
  std::string name_of(const Elf64_Sym& sym) const { return string_at(strings_, sym.st_name); }
  const Section* find(const std::string& name) const {
    const auto it = std::ranges::find(sections_, name, &Section::name);
    return it == sections_.end() ? nullptr : &*it;
  }
  std::vector<Elf64_Rel> relocations(u32 section) const {
    std::vector<Elf64_Rel> out;
    for (const Section& s : sections_)
      if (s.header.sh_type == SHT_REL && s.header.sh_info == section) append(s.bytes, out);
    return out;
  }

 private:
  template <class T>
  static void append(base::ConstBytes bytes, std::vector<T>& out) {
    const std::size_t n = bytes.size() / sizeof(T), old = out.size();
    out.resize(old + n);
    if (n) std::memcpy(out.data() + old, bytes.data(), n * sizeof(T));
  }
  std::string string_at(u32 section, u32 offset) const {
    return reinterpret_cast<const char*>(sections_[section].bytes.data()) + offset;
  }
  void read_symbols() {
    for (const Section& s : sections_)
      if (s.header.sh_type == SHT_SYMTAB) append(s.bytes, symbols_), strings_ = s.header.sh_link;
  }

  std::vector<std::byte> file_;
  std::vector<Section> sections_;
  std::vector<Elf64_Sym> symbols_;
  u32 strings_ = 0;
};

}  // namespace support
