// SPDX-License-Identifier: Apache-2.0
#include "perf/engines/object_file.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <span>

namespace engines {
namespace {

constexpr char kSection[] = "xdp";
constexpr base::u32 kMapRelocation = 1;    // R_BPF_64_64
constexpr base::u32 kCallRelocation = 10;  // R_BPF_64_32

class Elf {
 public:
  explicit Elf(std::vector<char> bytes) : bytes_(std::move(bytes)) {}

  // `count` values of T at `offset`, or none where the file ends before.
  template <class T>
  std::vector<T> read(base::u64 offset, base::u64 count) const {
    if (offset > bytes_.size() || count > (bytes_.size() - offset) / sizeof(T)) return {};
    std::vector<T> values(count);
    if (count) std::memcpy(values.data(), bytes_.data() + offset, count * sizeof(T));
    return values;
  }
  std::string text(base::u64 offset) const {
    const auto begin = bytes_.begin() + std::ptrdiff_t(std::min<base::u64>(offset, bytes_.size()));
    return std::string(begin, std::find(begin, bytes_.end(), '\0'));
  }

 private:
  std::vector<char> bytes_;
};

base::u32 index_of(std::vector<std::string>& names, const std::string& name) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return base::u32(found - names.begin());
  names.push_back(name);
  return base::u32(names.size() - 1);
}

}  // namespace

base::Result<ObjectFile> read_object(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return base::Error(errno, path + ": cannot be opened");
  const Elf elf(std::vector<char>(std::istreambuf_iterator<char>(file), {}));
  const auto header = elf.read<Elf64_Ehdr>(0, 1);
  if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 || header[0].e_machine != EM_BPF)
    return base::Error(EINVAL, path + ": no BPF object");
  const auto sections = elf.read<Elf64_Shdr>(header[0].e_shoff, header[0].e_shnum);
  if (header[0].e_shstrndx >= sections.size()) return base::Error(EINVAL, path + ": no section names");
  const auto name_of = [&](const Elf64_Shdr& s) {
    return elf.text(sections[header[0].e_shstrndx].sh_offset + s.sh_name);
  };
  const auto program = std::ranges::find_if(sections, [&](const Elf64_Shdr& s) { return name_of(s) == kSection; });
  if (program == sections.end()) return base::Error(EINVAL, path + ": no section " + kSection);

  ObjectFile object;
  object.insns = elf.read<bpf::bpf_insn>(program->sh_offset, program->sh_size / sizeof(bpf::bpf_insn));
  for (const Elf64_Shdr& s : sections) {
    if (s.sh_type != SHT_REL || s.sh_info != base::u32(program - sections.begin()) || s.sh_link >= sections.size())
      continue;
    const Elf64_Shdr& symtab = sections[s.sh_link];
    const auto symbols = elf.read<Elf64_Sym>(symtab.sh_offset, symtab.sh_size / sizeof(Elf64_Sym));
    for (const Elf64_Rel& r : elf.read<Elf64_Rel>(s.sh_offset, s.sh_size / sizeof(Elf64_Rel))) {
      const base::u64 insn = r.r_offset / sizeof(bpf::bpf_insn), symbol = ELF64_R_SYM(r.r_info);
      if (insn >= object.insns.size() || symbol >= symbols.size())
        return base::Error(EINVAL, path + ": a relocation outside the program");
      // A call of a function in the same section: from the section's begin, or from a symbol in it.
      if (ELF64_R_TYPE(r.r_info) == kCallRelocation && symbols[symbol].st_shndx == program - sections.begin()) {
        if (ELF64_ST_TYPE(symbols[symbol].st_info) != STT_SECTION)
          object.insns[insn].imm = base::s32(symbols[symbol].st_value / sizeof(bpf::bpf_insn)) - base::s32(insn) - 1;
        else
          object.insns[insn].imm -= base::s32(insn);
        continue;
      }
      if (ELF64_R_TYPE(r.r_info) != kMapRelocation)
        return base::Error(EINVAL, path + ": a relocation that is no map reference");
      object.insns[insn].src_reg = bpf::BPF_PSEUDO_MAP_FD;
      object.insns[insn].imm =
          base::s32(index_of(object.maps, elf.text(sections[symtab.sh_link].sh_offset + symbols[symbol].st_name)));
    }
  }
  return object;
}

}  // namespace engines
