// SPDX-License-Identifier: Apache-2.0
#include "tests/support/object.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "bpf/abi/flags.h"
#include "tests/support/object_btf.h"
#include "tests/support/object_elf.h"

namespace support {
namespace {

using base::u32;
using base::u64;
using bpf::bpf_insn;
using bpf::MapFacts;

constexpr std::size_t kInsnBytes = sizeof(bpf_insn);
constexpr u32 kRelocInsn64 = 1;  // R_BPF_64_64

base::Error bad(const std::string& what) {
  return base::Error(EINVAL, what);
}

struct SectionRow {
  std::string_view prefix;
  bpf::bpf_prog_type type;
  bpf::bpf_attach_type attach = bpf::bpf_attach_type(0);
};
constexpr SectionRow kSections[] = {
    {"xdp", bpf::BPF_PROG_TYPE_XDP},
    {"tc", bpf::BPF_PROG_TYPE_SCHED_CLS},
    {"action", bpf::BPF_PROG_TYPE_SCHED_ACT},
    {"socket", bpf::BPF_PROG_TYPE_SOCKET_FILTER},
    {"lwt_in", bpf::BPF_PROG_TYPE_LWT_IN},
    {"lwt_out", bpf::BPF_PROG_TYPE_LWT_OUT},
    {"lwt_xmit", bpf::BPF_PROG_TYPE_LWT_XMIT},
    {"cgroup_skb/ingress", bpf::BPF_PROG_TYPE_CGROUP_SKB, bpf::BPF_CGROUP_INET_INGRESS},
    {"cgroup_skb/egress", bpf::BPF_PROG_TYPE_CGROUP_SKB, bpf::BPF_CGROUP_INET_EGRESS},
};

const SectionRow* find_section(const std::string& name) {
  const auto it = std::ranges::find_if(kSections, [&](const SectionRow& r) { return name.starts_with(r.prefix); });
  return it == std::end(kSections) ? nullptr : it;
}

// Strings one entry function and the functions it calls into one program.
class ProgramReader {
 public:
  ProgramReader(const Elf& elf, const ObjectBtf& btf) : elf_(elf), btf_(btf) {}

  base::Result<ObjectProgram> read(const Elf64_Sym& entry) {
    out_.name = elf_.name_of(entry);
    out_.section = elf_.sections()[entry.st_shndx].name;
    const SectionRow* section = find_section(out_.section);
    if (!section) return bad("no program type for section '" + out_.section + "'");
    out_.source.type = section->type;
    out_.source.expected_attach_type = section->attach;
    out_.source.gpl_compatible = true;
    out_.source.name = out_.name.substr(0, bpf::BPF_OBJ_NAME_LEN - 1);
    SLUICE_TRY([[maybe_unused]] const u32 begin, place(entry));
    // Function records are all or none: an object without them loses only what needs names.
    if (functions_known_) {
      out_.source.btf = btf_.blob;
      std::ranges::sort(out_.source.func_info, {}, &bpf::bpf_func_info::insn_off);
    } else {
      out_.source.func_info.clear();
    }
    return std::move(out_);
  }

 private:
  // Index of the first instruction of a function, which is appended on its first use.
  base::Result<u32> place(const Elf64_Sym& function) {
    const std::pair<u32, u64> key{function.st_shndx, function.st_value};
    if (const auto it = placed_.find(key); it != placed_.end()) return it->second;
    const u32 begin = u32(out_.source.insns.size());
    placed_[key] = begin;
    note_function(elf_.sections()[function.st_shndx].name, function.st_value, begin);
    const base::ConstBytes bytes =
        elf_.sections()[function.st_shndx].bytes.subspan(function.st_value, function.st_size);
    out_.source.insns.resize(begin + bytes.size() / kInsnBytes);
    std::memcpy(&out_.source.insns[begin], bytes.data(), bytes.size());
    std::map<u64, Elf64_Rel> relocations;
    for (const Elf64_Rel& rel : elf_.relocations(function.st_shndx)) relocations[rel.r_offset] = rel;
    for (u32 i = 0; i < bytes.size() / kInsnBytes; ++i) {
      const u64 offset = function.st_value + i * kInsnBytes;
      const auto rel = relocations.find(offset);
      SLUICE_CHECK(relocate(begin + i, function.st_shndx, offset, rel == relocations.end() ? nullptr : &rel->second));
    }
    return begin;
  }

  void note_function(const std::string& section, u64 offset, u32 begin) {
    const auto it = btf_.function_types.find({section, offset});
    if (it == btf_.function_types.end())
      functions_known_ = false;
    else
      out_.source.func_info.push_back({begin, it->second});
  }

  base::Status relocate(u32 at, u32 section, u64 offset, const Elf64_Rel* rel) {
    const bpf_insn insn = out_.source.insns[at];
    const bool is_call = insn.code == (bpf::BPF_JMP | bpf::BPF_CALL) && insn.src_reg == bpf::BPF_PSEUDO_CALL;
    if (!rel && !is_call) return base::success();
    const Elf64_Sym* sym = rel ? &elf_.symbols()[ELF64_R_SYM(rel->r_info)] : nullptr;
    if (is_call) return relocate_call(at, section, offset, sym);
    if (ELF64_R_TYPE(rel->r_info) != kRelocInsn64 || !bpf::insn_is_ld_imm64(insn))
      return bad("relocation against '" + elf_.name_of(*sym) + "' is not of a map or of data");
    return relocate_data(at, *sym);
  }

  // The field holds the distance less one, in instructions, from the section's begin or from the call.
  base::Status relocate_call(u32 at, u32 section, u64 offset, const Elf64_Sym* sym) {
    const base::s64 imm = out_.source.insns[at].imm;
    u64 target;
    if (!sym)
      target = offset + u64(imm + 1) * kInsnBytes;
    else if (ELF64_ST_TYPE(sym->st_info) == STT_SECTION)
      target = sym->st_value + u64(imm + 1) * kInsnBytes;
    else
      target = sym->st_value;
    return refer_to_function(at, sym ? sym->st_shndx : section, target);
  }

  // A call, or the address of a callback: the distance behind the instruction.
  base::Status refer_to_function(u32 at, u32 section, u64 offset) {
    for (const Elf64_Sym& f : elf_.symbols()) {
      if (ELF64_ST_TYPE(f.st_info) != STT_FUNC || f.st_shndx != section || f.st_value != offset) continue;
      SLUICE_TRY(const u32 begin, place(f));
      out_.source.insns[at].imm = base::s32(begin) - base::s32(at) - 1;
      return base::success();
    }
    return bad(out_.name + ": call to no function");
  }

  base::Status relocate_data(u32 at, const Elf64_Sym& sym) {
    const Section& section = elf_.sections()[sym.st_shndx];
    auto& insns = out_.source.insns;
    if (section.name == ".maps") {
      const auto it = btf_.maps.find(elf_.name_of(sym));
      if (it == btf_.maps.end()) return bad("no map '" + elf_.name_of(sym) + "'");
      insns[at].src_reg = bpf::BPF_PSEUDO_MAP_FD;
      insns[at].imm = base::s32(index_of(it->second));
      return base::success();
    }
    if ((section.header.sh_flags & SHF_EXECINSTR) != 0) {
      insns[at].src_reg = bpf::BPF_PSEUDO_FUNC;
      return refer_to_function(at, sym.st_shndx, sym.st_value + u64(insns[at].imm));
    }
    insns[at + 1].imm = base::s32(sym.st_value) + insns[at].imm;
    insns[at].src_reg = bpf::BPF_PSEUDO_MAP_VALUE;
    insns[at].imm = base::s32(data_map(section));
    return base::success();
  }

  u32 index_of(const MapFacts& facts) {
    const int found = out_.find_map(facts.name);
    if (found >= 0) return u32(found);
    out_.source.inner_maps = btf_.inner_maps;
    out_.source.maps.push_back(facts);
    out_.source.maps.back().id = u32(out_.source.maps.size());
    return u32(out_.source.maps.size() - 1);
  }

  // A global data section is an array of one element; .rodata is frozen.
  u32 data_map(const Section& section) {
    const int found = out_.find_map(section.name);
    if (found >= 0) return u32(found);
    MapFacts f;
    f.name = section.name;
    f.type = bpf::BPF_MAP_TYPE_ARRAY;
    f.key_size = 4;
    f.value_size = u32(section.header.sh_size);
    f.max_entries = 1;
    std::vector<std::byte> bytes(section.header.sh_size);
    std::ranges::copy(section.bytes, bytes.begin());
    if (section.name.starts_with(".rodata")) {
      f.map_flags = bpf::BPF_F_RDONLY_PROG;
      f.frozen = true;
      f.contents = std::move(bytes);
      return index_of(f);
    }
    const u32 index = index_of(f);
    out_.data.push_back({index, std::move(bytes)});
    return index;
  }

  const Elf& elf_;
  const ObjectBtf& btf_;
  std::map<std::pair<u32, u64>, u32> placed_;
  bool functions_known_ = true;
  ObjectProgram out_;
};

}  // namespace

int ObjectProgram::find_map(const std::string& map_name) const {
  const auto it = std::ranges::find(source.maps, map_name, &MapFacts::name);
  return it == source.maps.end() ? -1 : int(it - source.maps.begin());
}

base::Result<std::vector<ObjectProgram>> read_object(const std::string& path) {
  SLUICE_TRY(const Elf elf, Elf::open(path));
  SLUICE_TRY(const ObjectBtf btf, read_object_btf(elf).in(path));
  std::vector<ObjectProgram> programs;
  for (const Elf64_Sym& sym : elf.symbols()) {
    if (ELF64_ST_TYPE(sym.st_info) != STT_FUNC || sym.st_shndx >= elf.sections().size()) continue;
    if (!find_section(elf.sections()[sym.st_shndx].name)) continue;
    SLUICE_TRY(ObjectProgram program, ProgramReader(elf, btf).read(sym).in(path));
    programs.push_back(std::move(program));
  }
  if (programs.empty()) return bad(path + ": no program of a type that runs");
  std::ranges::sort(programs, {}, &ObjectProgram::name);
  return programs;
}

}  // namespace support
