// SPDX-License-Identifier: Apache-2.0
#include "tests/support/object_btf.h"

#include <algorithm>
#include <cstring>

#include "bpf/btf/btf.h"

namespace support {
namespace {

using base::u64;
using bpf::MapFacts;

base::Error bad(const std::string& what) {
  return base::Error(EINVAL, what);
}

// clang leaves offsets and sizes of data sections to the loader. Nothing here reads them: consistent ones will do.
void fill_section(std::byte* record, u32 vlen) {
  u32 offset = 0;
  for (u32 i = 0; i < vlen; ++i) {
    auto* var = reinterpret_cast<bpf::btf_var_secinfo*>(record + sizeof(bpf::btf_type)) + i;
    var->offset = offset;
    offset += var->size;
  }
  reinterpret_cast<bpf::btf_type*>(record)->size = std::max(offset, 1U);
}

base::Status complete(std::vector<std::byte>& blob) {
  bpf::btf_header head;
  std::memcpy(&head, blob.data(), sizeof head);
  std::byte* const types = blob.data() + head.hdr_len + head.type_off;
  for (u32 at = 0; at < head.type_len;) {
    bpf::btf_type type;
    std::memcpy(&type, types + at, sizeof type);
    const u32 kind = (type.info >> 24) & 0x1f, vlen = type.info & 0xffff;
    if (kind == bpf::BTF_KIND_DATASEC) fill_section(types + at, vlen);
    const auto tail = bpf::btf::tail_bytes(kind, vlen);
    if (!tail) return bad("unknown BTF kind " + std::to_string(kind));
    at += u32(sizeof type) + *tail;
  }
  return base::success();
}

// A map is a variable of section .maps: a struct whose members say their number as the length of an array behind a
// pointer, and their types as what a pointer points to.
base::Result<MapFacts> read_one(const bpf::btf::Btf& btf, std::string_view name_of_map, u32 type,
                                std::vector<MapFacts>& inner) {
  MapFacts f;
  f.name = name_of_map;
  bool typed = false;
  const auto number = [&](u32 member) {
    const u32 pointee = btf.skip_modifiers(btf.type(btf.skip_modifiers(member)).type);
    return btf.array(pointee).nelems;
  };
  const auto size = [&](u32 member) { return u32(btf.size_of(btf.type(btf.skip_modifiers(member)).type).value_or(0)); };
  for (u32 i = 0; i < btf.vlen(type); ++i) {
    const bpf::btf::Member m = btf.member(type, i);
    const std::string_view name = btf.string_at(m.name_off);
    if (name == "type")
      f.type = bpf::bpf_map_type(number(m.type));
    else if (name == "max_entries")
      f.max_entries = number(m.type);
    else if (name == "map_flags")
      f.map_flags = number(m.type);
    else if (name == "key_size")
      f.key_size = number(m.type);
    else if (name == "value_size")
      f.value_size = number(m.type);
    else if (name == "key") {
      f.key_size = size(m.type);
      f.btf_key_type_id = btf.type(btf.skip_modifiers(m.type)).type;
    } else if (name == "value") {
      f.value_size = size(m.type);
      f.btf_value_type_id = btf.type(btf.skip_modifiers(m.type)).type;
      typed = true;
    } else if (name == "values") {
      const u32 pointee = btf.skip_modifiers(btf.type(btf.skip_modifiers(btf.array(m.type).type)).type);
      SLUICE_TRY(MapFacts one, read_one(btf, f.name + ".inner", pointee, inner));
      f.inner = base::s32(inner.size());
      f.value_size = 4;
      inner.push_back(std::move(one));
    } else if (name != "pinning") {
      return bad("map '" + f.name + "': unknown member '" + std::string(name) + "'");
    }
  }
  if (typed)
    f.btf.assign(btf.blob().begin(), btf.blob().end());
  else
    f.btf_key_type_id = f.btf_value_type_id = 0;
  return f;
}

bool is_map(const Elf& elf, std::string_view name) {
  return std::ranges::any_of(elf.symbols(), [&](const Elf64_Sym& sym) {
    return sym.st_shndx < elf.sections().size() && elf.sections()[sym.st_shndx].name == ".maps" &&
           elf.name_of(sym) == name;
  });
}

// .BTF.ext: a header, then for each code section (name, count, records of byte offset and type id).
void read_function_types(const Section& ext, const bpf::btf::Btf& btf, ObjectBtf& out) {
  const auto word = [&](std::size_t at) {
    u32 v;
    std::memcpy(&v, ext.bytes.data() + at, sizeof v);
    return v;
  };
  constexpr std::size_t kHeaderBytes = 4, kFunctionsOffset = 8, kFunctionsBytes = 12;
  const std::size_t begin = word(kHeaderBytes) + word(kFunctionsOffset), end = begin + word(kFunctionsBytes);
  if (begin == end) return;
  const u32 record = word(begin);
  for (std::size_t at = begin + 4; at + 8 <= end;) {
    const std::string section(btf.string_at(word(at)));
    const u32 count = word(at + 4);
    at += 8;
    for (u32 i = 0; i < count; ++i, at += record) out.function_types[{section, word(at)}] = word(at + 4);
  }
}

}  // namespace

base::Result<ObjectBtf> read_object_btf(const Elf& elf) {
  ObjectBtf out;
  const Section* section = elf.find(".BTF");
  if (!section) return elf.find(".maps") ? base::Result<ObjectBtf>(bad("maps without BTF")) : out;
  out.blob.assign(section->bytes.begin(), section->bytes.end());
  SLUICE_CHECK(complete(out.blob));
  SLUICE_TRY(const bpf::btf::Btf btf, bpf::btf::Btf::parse(out.blob));
  for (u32 id = 1; id < btf.count(); ++id) {
    if (btf.kind(id) != bpf::BTF_KIND_VAR || !is_map(elf, btf.name(id))) continue;
    const u32 type = btf.skip_modifiers(btf.type(id).type);
    SLUICE_TRY(MapFacts facts, read_one(btf, btf.name(id), type, out.inner_maps));
    out.maps[facts.name] = facts;
  }
  if (const Section* ext = elf.find(".BTF.ext")) read_function_types(*ext, btf, out);
  return out;
}

}  // namespace support
