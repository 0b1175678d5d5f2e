// SPDX-License-Identifier: Apache-2.0
#include "control/dump.h"

#include <algorithm>

#include "bpf/jit/disassemble.h"
#include "bpf/verifier/opcodes.h"
#include "control/hex.h"

namespace control {
namespace {

using Json = nlohmann::ordered_json;

// Which line of the source an instruction comes from, where line information says so.
class SourceLines {
 public:
  explicit SourceLines(const Program& program) : info_(program.info().line_info), btf_(program.btf()) {}

  // The line that begins with this instruction; empty: none does.
  std::string beginning_at(u32 insn) const {
    const auto it = std::ranges::lower_bound(info_, insn, {}, &bpf::bpf_line_info::insn_off);
    return it != info_.end() && it->insn_off == insn ? text(*it) : std::string();
  }
  // The line that it is part of; empty: unknown.
  std::string containing(u32 insn) const {
    const auto it = std::ranges::upper_bound(info_, insn, {}, &bpf::bpf_line_info::insn_off);
    return it == info_.begin() ? std::string() : text(*std::prev(it));
  }

 private:
  std::string text(const bpf::bpf_line_info& line) const {
    if (!btf_ || !btf_->types().has_string(line.line_off)) return "";
    const std::string_view whole = btf_->types().string_at(line.line_off);
    const auto begin = whole.find_first_not_of(" \t");
    return begin == whole.npos ? "" : std::string(whole.substr(begin));
  }

  const std::vector<bpf::bpf_line_info>& info_;
  std::shared_ptr<const Btf> btf_;
};

std::string spaced_hex(base::ConstBytes bytes) {
  std::string out;
  for (const std::byte b : bytes) out += (out.empty() ? "" : " ") + to_hex({&b, 1});
  return out;
}

// Machine instructions of one function, with the lines of the program they come from.
class JitedWriter {
 public:
  JitedWriter(const Program& program, const SourceLines& sources)
      : code_(*program.code()), sources_(sources), insns_(bpf::jit::disassemble(code_.text(), address())) {}

  Json function(const bpf::jit::CodeFunction& f) {
    Json rows = Json::array();
    last_source_.clear();
    auto line = std::ranges::lower_bound(code_.lines(), f.offset, {}, &bpf::jit::CodeLine::offset);
    for (const auto& insn : insns_) {
      if (insn.offset < f.offset || insn.offset >= f.offset + f.bytes) continue;
      Json row = Json::object();
      for (; line != code_.lines().end() && line->offset <= insn.offset; ++line) note_origin(row, line->insn);
      row["pc"] = insn.offset - f.offset;
      row["operation"] = insn.text;
      row["opcodes"] = spaced_hex(code_.text().subspan(insn.offset, insn.bytes));
      rows.push_back(std::move(row));
    }
    return rows;
  }

 private:
  u64 address() const { return reinterpret_cast<u64>(code_.text().data()); }
  void note_origin(Json& row, u32 insn) {
    row["insn"] = insn;
    std::string source = sources_.containing(insn);
    if (source.empty() || source == last_source_) return;
    row["src"] = source;
    last_source_ = std::move(source);
  }

  const bpf::jit::Code& code_;
  const SourceLines& sources_;
  std::vector<bpf::jit::NativeInsn> insns_;
  std::string last_source_;
};

}  // namespace

Json dump_xlated(const Program& program) {
  const SourceLines sources(program);
  const auto& insns = program.info().xlated;
  Json rows = Json::array();
  for (u32 i = 0; i < insns.size(); ++i) {
    const bool wide = bpf::insn_is_ld_imm64(insns[i]) && i + 1 < insns.size();
    Json row = Json::object();
    if (std::string source = sources.beginning_at(i); !source.empty()) row["src"] = std::move(source);
    row["insn"] = i;
    row["disasm"] = bpf::verifier::disassemble(insns[i], wide ? &insns[i + 1] : nullptr);
    row["opcodes"] = spaced_hex(std::as_bytes(std::span(insns).subspan(i, wide ? 2 : 1)));
    rows.push_back(std::move(row));
    if (wide) ++i;
  }
  return rows;
}

base::Result<Json> dump_jited(const Program& program) {
  if (!program.code()) return base::Error(EOPNOTSUPP, "the program is interpreted: there is no machine code");
  const SourceLines sources(program);
  JitedWriter writer(program, sources);
  Json functions = Json::array();
  for (const auto& f : program.code()->functions())
    functions.push_back({{"name", f.name}, {"insns", writer.function(f)}});
  return functions;
}

}  // namespace control
