// SPDX-License-Identifier: Apache-2.0
#include "bpf/jit/object.h"

#include <llvm/DebugInfo/DWARF/DWARFContext.h>
#include <llvm/Object/ELFObjectFile.h>

#include <algorithm>
#include <cstring>
#include <tuple>

namespace bpf::jit {
namespace {

constexpr u64 kMagic = 0x31304a424f4c53;  // "SLOBJ01"

struct Head {
  u64 magic;
  u64 elf_bytes;
  u64 line_count;
};

constexpr u64 padded(u64 bytes) {
  return (bytes + 7) / 8 * 8;
}

base::Error refuse(const char* what) {
  return base::Error(EINVAL, std::string("object: ") + what);
}

llvm::MemoryBufferRef buffer_of(base::ConstBytes elf) {
  return {llvm::StringRef(reinterpret_cast<const char*>(elf.data()), elf.size()), "program"};
}

}  // namespace

std::vector<std::byte> pack_object(base::ConstBytes elf, std::span<const CodeLine> lines) {
  const Head head{kMagic, elf.size(), lines.size()};
  std::vector<std::byte> object(sizeof head + padded(elf.size()) + lines.size_bytes());
  std::memcpy(object.data(), &head, sizeof head);
  std::ranges::copy(elf, object.begin() + sizeof head);
  std::ranges::copy(std::as_bytes(lines), object.begin() + std::ptrdiff_t(sizeof head + padded(elf.size())));
  return object;
}

base::Result<ObjectView> unpack_object(base::ConstBytes object) {
  Head head;
  if (object.size() < sizeof head) return refuse("too short");
  std::memcpy(&head, object.data(), sizeof head);
  if (head.magic != kMagic) return refuse("wrong magic word");
  const u64 left = object.size() - sizeof head;
  if (head.elf_bytes > left || padded(head.elf_bytes) > left ||
      head.line_count != (left - padded(head.elf_bytes)) / sizeof(CodeLine) ||
      (left - padded(head.elf_bytes)) % sizeof(CodeLine) != 0)
    return refuse("its parts do not fill it");
  ObjectView view{.elf = object.subspan(sizeof head, head.elf_bytes), .lines = {}};
  view.lines.resize(head.line_count);
  if (head.line_count)
    std::memcpy(view.lines.data(), object.data() + sizeof head + padded(head.elf_bytes),
                head.line_count * sizeof(CodeLine));
  if (!std::ranges::is_sorted(view.lines, {}, &CodeLine::offset)) return refuse("its lines are out of order");
  return view;
}

std::vector<CodeLine> read_lines(base::ConstBytes elf) {
  std::vector<std::tuple<u32, size_t, u32>> rows;  // offset, number of the row, instruction
  std::vector<CodeLine> lines;
  auto file = llvm::object::ObjectFile::createELFObjectFile(buffer_of(elf));
  if (!file) return llvm::consumeError(file.takeError()), lines;
  const auto dwarf = llvm::DWARFContext::create(**file);
  for (const auto& unit : dwarf->compile_units()) {
    const auto* table = dwarf->getLineTableForUnit(unit.get());
    if (!table) continue;
    for (const auto& row : table->Rows)
      if (!row.EndSequence && row.Line > 0) rows.emplace_back(u32(row.Address.Address), rows.size(), row.Line - 1);
  }
  std::ranges::sort(rows);
  // Of several at one place the last one holds; of several in a row from one instruction the first.
  for (const auto& [offset, number, insn] : rows) {
    if (!lines.empty() && lines.back().offset == offset) lines.pop_back();
    if (lines.empty() || lines.back().insn != insn) lines.push_back({offset, insn});
  }
  return lines;
}

std::vector<CodeFunction> read_functions(base::ConstBytes elf) {
  std::vector<CodeFunction> functions;
  auto parsed = llvm::object::ObjectFile::createELFObjectFile(buffer_of(elf));
  if (!parsed) return llvm::consumeError(parsed.takeError()), functions;
  const auto& file = llvm::cast<llvm::object::ELFObjectFileBase>(**parsed);
  for (const llvm::object::ELFSymbolRef symbol : file.symbols()) {
    auto type = symbol.getType();
    auto name = symbol.getName();
    auto offset = symbol.getValue();
    const bool whole = bool(type) && bool(name) && bool(offset);
    if (whole && *type == llvm::object::SymbolRef::ST_Function && symbol.getSize() > 0)
      functions.push_back({name->str(), u32(*offset), u32(symbol.getSize())});
    if (!type) llvm::consumeError(type.takeError());
    if (!name) llvm::consumeError(name.takeError());
    if (!offset) llvm::consumeError(offset.takeError());
  }
  std::ranges::sort(functions, {}, &CodeFunction::offset);
  return functions;
}

}  // namespace bpf::jit
