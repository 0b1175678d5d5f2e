// SPDX-License-Identifier: Apache-2.0
// Exception callbacks: nothing but a tag of the program names them, so libbpf would leave them out. Behind the last
// instruction of the program goes one that names the function, as a callback is named anywhere else.
#include <cstring>

#include "bpf/load/prepare_steps.h"

namespace bpf::load::prepare_steps {
namespace {

constexpr std::string_view kTag = "exception_callback:";
constexpr std::size_t kInsnBytes = 8, kWideBytes = 16;
constexpr base::u32 kRelocation64 = 1;  // R_BPF_64_64

base::u32 word_at(const std::vector<std::byte>& bytes, std::size_t at) {
  base::u32 v = 0;
  if (at <= bytes.size() && bytes.size() - at >= sizeof v) std::memcpy(&v, bytes.data() + at, sizeof v);
  return v;
}

// Records of one kind in .BTF.ext: the first word of each is an offset into the section that their block names.
void move_records(Object& object, std::vector<std::byte>& ext, std::size_t begin, std::size_t bytes,
                  std::string_view section, base::u64 from) {
  if (begin > ext.size() || bytes > ext.size() - begin || bytes < sizeof(base::u32)) return;
  const std::size_t end = begin + bytes, row = word_at(ext, begin);
  if (row < sizeof(base::u32)) return;
  for (std::size_t at = begin + 4; at + 8 <= end;) {
    const bool ours = object.name(word_at(ext, at)) == section;
    const std::size_t count = word_at(ext, at + 4);
    at += 8;
    for (std::size_t k = 0; k < count && at + row <= end; ++k, at += row) {
      const base::u32 off = word_at(ext, at);
      const base::u32 moved = off + base::u32(kWideBytes);
      if (ours && off >= from) std::memcpy(ext.data() + at, &moved, sizeof moved);
    }
  }
}

void move_all_records(Object& object, std::string_view section, base::u64 from) {
  const auto number = object.elf.find_section(".BTF.ext");
  if (!number) return;
  std::vector<std::byte>& ext = object.elf.section(*number).bytes;
  const std::size_t head = word_at(ext, 4);
  for (std::size_t field = 8; field + 8 <= head; field += 8)  // function, line and CO-RE records: offset, length
    move_records(object, ext, head + word_at(ext, field), word_at(ext, field + 4), section, from);
}

void insert_reference(Object& object, std::size_t program, std::size_t callback, std::size_t rel_section) {
  auto& symbols = object.elf.symbols();
  const std::size_t section = symbols[program].st_shndx;
  const base::u64 at = symbols[program].st_value + symbols[program].st_size;
  std::vector<std::byte>& code = object.elf.section(section).bytes;
  struct {
    base::u8 op = 0x18, regs = 0;
    base::s16 off = kCallbackMark;
    base::u32 imm[3]{};
  } wide;
  static_assert(sizeof wide == kWideBytes);
  const base::u32 target = base::u32(symbols[callback].st_value);
  if (ELF64_ST_TYPE(symbols[callback].st_info) == STT_SECTION) wide.imm[0] = target;
  const auto* raw = reinterpret_cast<const std::byte*>(&wide);
  code.insert(code.begin() + std::ptrdiff_t(at), raw, raw + kWideBytes);
  for (std::size_t i = 0; i < symbols.size(); ++i)
    if (i != program && symbols[i].st_shndx == section && symbols[i].st_value >= at) symbols[i].st_value += kWideBytes;
  symbols[program].st_size += kWideBytes;
  auto rows = object.elf.relocations(rel_section);
  for (Elf64_Rel& row : rows)
    if (row.r_offset >= at) row.r_offset += kWideBytes;
  rows.push_back({at, ELF64_R_INFO(callback, kRelocation64)});
  object.elf.set_relocations(rel_section, rows);
  move_all_records(object, object.elf.section_name(section), at);
}

bool link_callback(Object& object, const std::string& program_name, const std::string& callback_name) {
  const auto program = object.elf.find_symbol(program_name, STT_FUNC);
  const auto callback = object.elf.find_symbol(callback_name, STT_FUNC);
  if (!program || !callback) return false;
  const Elf64_Sym main = object.elf.symbols()[*program], other = object.elf.symbols()[*callback];
  if (object.elf.section_name(other.st_shndx) != ".text" || object.elf.section_name(main.st_shndx) == ".text")
    return false;
  const std::size_t bytes = object.elf.section(main.st_shndx).bytes.size();
  if (main.st_value > bytes || main.st_size > bytes - main.st_value || main.st_size % kInsnBytes != 0) return false;
  const auto rel = object.elf.find_relocations(main.st_shndx);
  if (!rel) return false;  // a program that throws calls a kernel function: it has relocations
  Elf64_Sym& named = object.elf.symbols()[*callback];  // libbpf takes no weak function for a callback
  if (ELF64_ST_BIND(named.st_info) == STB_WEAK) named.st_info = ELF64_ST_INFO(STB_GLOBAL, STT_FUNC);
  insert_reference(object, *program, *callback, *rel);
  object.out.callbacks.insert(program_name);
  return true;
}

}  // namespace

bool link_callbacks(Object object) {
  std::map<std::string, std::set<std::string>> wanted;
  for (base::u32 id = 1; id < btf__type_cnt(&object.types); ++id) {
    const btf_type* tag = btf__type_by_id(&object.types, id);
    if (!btf_is_decl_tag(tag) || btf_decl_tag(tag)->component_idx != -1) continue;
    const std::string_view text = object.name(tag->name_off);
    const btf_type* function = btf__type_by_id(&object.types, tag->type);
    if (!text.starts_with(kTag) || !function || !btf_is_func(function)) continue;
    wanted[std::string(object.name(function->name_off))].insert(std::string(text.substr(kTag.size())));
  }
  bool any = false;
  for (const auto& [program, callbacks] : wanted)  // of several the kernel takes none, and says so
    if (callbacks.size() == 1) any |= link_callback(object, program, *callbacks.begin());
  return any;
}

}  // namespace bpf::load::prepare_steps
