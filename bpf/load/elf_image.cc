// SPDX-License-Identifier: Apache-2.0
#include "bpf/load/elf_image.h"

#include <cerrno>
#include <cstring>

namespace bpf::load {
namespace {

base::Error bad(const char* what) {
  return {ENOEXEC, std::string("the object cannot be read: ") + what};
}

template <class T>
std::vector<T> rows_of(const std::vector<std::byte>& bytes) {
  std::vector<T> rows(bytes.size() / sizeof(T));
  std::memcpy(rows.data(), bytes.data(), rows.size() * sizeof(T));
  return rows;
}

template <class T>
std::vector<std::byte> bytes_of_rows(const std::vector<T>& rows) {
  const auto* begin = reinterpret_cast<const std::byte*>(rows.data());
  return {begin, begin + rows.size() * sizeof(T)};
}

void append(std::vector<std::byte>& out, const void* data, std::size_t size) {
  const auto* begin = static_cast<const std::byte*>(data);
  out.insert(out.end(), begin, begin + size);
}

}  // namespace

base::Result<ElfImage> ElfImage::parse(base::ConstBytes file) {
  ElfImage image;
  Elf64_Ehdr& head = image.head_;
  if (file.size() < sizeof head) return bad("it ends inside its head");
  std::memcpy(&head, file.data(), sizeof head);
  if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
      head.e_ident[EI_DATA] != ELFDATA2LSB || head.e_type != ET_REL || head.e_shentsize != sizeof(Elf64_Shdr))
    return bad("not a 64-bit little-endian relocatable object");
  const std::size_t table_bytes = head.e_shnum * sizeof(Elf64_Shdr);
  if (head.e_shoff > file.size() || table_bytes > file.size() - head.e_shoff || head.e_shstrndx >= head.e_shnum)
    return bad("its section table lies behind its end");
  image.sections_.resize(head.e_shnum);
  for (std::size_t i = 0; i < head.e_shnum; ++i) {
    ElfSection& s = image.sections_[i];
    std::memcpy(&s.head, file.data() + head.e_shoff + i * sizeof s.head, sizeof s.head);
    if (s.head.sh_type == SHT_NOBITS || s.head.sh_type == SHT_NULL) continue;
    if (s.head.sh_offset > file.size() || s.head.sh_size > file.size() - s.head.sh_offset)
      return bad("a section lies behind its end");
    const auto* begin = file.data() + s.head.sh_offset;
    s.bytes.assign(begin, begin + s.head.sh_size);
    if (s.head.sh_type == SHT_SYMTAB && image.symtab_ == 0) image.symtab_ = i;
  }
  if (image.symtab_ != 0) {
    const ElfSection& table = image.sections_[image.symtab_];
    if (table.head.sh_link >= head.e_shnum) return bad("its symbols have no names");
    image.symbols_ = rows_of<Elf64_Sym>(table.bytes);
  }
  return image;
}

std::vector<std::byte> ElfImage::write() const {
  Elf64_Ehdr head = head_;
  head.e_shoff = sizeof head;
  std::vector<Elf64_Shdr> heads;
  std::vector<std::byte> body;
  const std::size_t begin = sizeof head + sections_.size() * sizeof(Elf64_Shdr);
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const ElfSection& s = sections_[i];
    const std::vector<std::byte> bytes = i == symtab_ && i != 0 ? bytes_of_rows(symbols_) : s.bytes;
    Elf64_Shdr h = s.head;
    while ((begin + body.size()) % 16 != 0) body.push_back(std::byte{0});
    h.sh_offset = begin + body.size();
    if (h.sh_type != SHT_NOBITS && h.sh_type != SHT_NULL) h.sh_size = bytes.size();
    append(body, bytes.data(), bytes.size());
    heads.push_back(h);
  }
  std::vector<std::byte> out;
  append(out, &head, sizeof head);
  append(out, heads.data(), heads.size() * sizeof(Elf64_Shdr));
  append(out, body.data(), body.size());
  return out;
}

std::string_view ElfImage::string_at(std::size_t table, base::u32 off) const {
  if (table >= sections_.size()) return {};
  const std::vector<std::byte>& bytes = sections_[table].bytes;
  if (off >= bytes.size()) return {};
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + off;
  return {text, strnlen(text, bytes.size() - off)};
}

base::u32 ElfImage::add_string(std::size_t table, const std::string& text) {
  std::vector<std::byte>& bytes = sections_[table].bytes;
  const auto off = static_cast<base::u32>(bytes.size());
  append(bytes, text.c_str(), text.size() + 1);
  return off;
}

std::string_view ElfImage::section_name(std::size_t i) const {
  return string_at(head_.e_shstrndx, sections_[i].head.sh_name);
}

std::optional<std::size_t> ElfImage::find_section(std::string_view name) const {
  for (std::size_t i = 1; i < sections_.size(); ++i)
    if (section_name(i) == name) return i;
  return std::nullopt;
}

std::optional<std::size_t> ElfImage::find_relocations(std::size_t i) const {
  for (std::size_t k = 1; k < sections_.size(); ++k)
    if (sections_[k].head.sh_type == SHT_REL && sections_[k].head.sh_info == i) return k;
  return std::nullopt;
}

std::vector<Elf64_Rel> ElfImage::relocations(std::size_t rel_section) const {
  return rows_of<Elf64_Rel>(sections_[rel_section].bytes);
}

void ElfImage::set_relocations(std::size_t rel_section, const std::vector<Elf64_Rel>& rows) {
  sections_[rel_section].bytes = bytes_of_rows(rows);
}

void ElfImage::rename_section(std::size_t i, const std::string& name) {
  sections_[i].head.sh_name = add_string(head_.e_shstrndx, name);
}

std::string_view ElfImage::symbol_name(const Elf64_Sym& symbol) const {
  return string_at(sections_[symtab_].head.sh_link, symbol.st_name);
}

std::optional<std::size_t> ElfImage::find_symbol(std::string_view name, unsigned char type) const {
  for (std::size_t i = 0; i < symbols_.size(); ++i) {
    const Elf64_Sym& s = symbols_[i];
    if (ELF64_ST_TYPE(s.st_info) == type && s.st_shndx != SHN_UNDEF && s.st_shndx < sections_.size() &&
        symbol_name(s) == name)
      return i;
  }
  return std::nullopt;
}

void ElfImage::rename_symbol(Elf64_Sym& symbol, const std::string& name) {
  symbol.st_name = add_string(sections_[symtab_].head.sh_link, name);
}

}  // namespace bpf::load
