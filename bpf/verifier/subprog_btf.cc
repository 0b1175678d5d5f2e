// SPDX-License-Identifier: Apache-2.0
#include "bpf/verifier/subprog_btf.h"

#include <algorithm>
#include <string_view>

namespace bpf::verifier {
namespace {

Problem bad(std::string log, u32 insn = 0) {
  return Problem{.error = EINVAL, .insn = insn, .log = std::move(log)};
}

std::optional<Problem> read_functions(const ProgSource& source, const ProgSpec& spec, Cfg& cfg, ProgramBtf& out) {
  if (source.func_info.size() != cfg.subprogs.size())
    return bad("number of funcs in func_info doesn't match number of subprogs\n");
  for (u32 k = 0; k < source.func_info.size(); ++k) {
    const bpf_func_info& info = source.func_info[k];
    if (info.insn_off != cfg.subprogs[k].begin)
      return bad("func_info BTF section doesn't match subprog layout in BPF program\n", info.insn_off);
    if (!out.types->valid(info.type_id) || out.types->kind(info.type_id) != BTF_KIND_FUNC)
      return bad(format("invalid type id %u in func info\n", info.type_id), info.insn_off);
    SubprogBtf s;
    s.name = out.types->name(info.type_id);
    s.is_global = k != 0 && out.types->vlen(info.type_id) == BTF_FUNC_GLOBAL;
    if (s.is_global) s.signature = read_signature(*out.types, spec, info.type_id);
    cfg.subprogs[k].is_global = s.is_global;
    const u32 result = out.types->skip_modifiers(out.types->type(out.types->type(info.type_id).type).type);
    const u32 kind = out.types->kind(result);
    const bool number = kind == BTF_KIND_INT || kind == BTF_KIND_ENUM || kind == BTF_KIND_ENUM64;
    if (k != 0 && !number && cfg.subprogs[k].has_legacy_load)
      return bad("LD_ABS is only allowed in functions that return 'int'.\n", info.insn_off);
    if (k != 0 && !number && cfg.subprogs[k].has_tail_call)
      return bad("tail_call is only allowed in functions that return 'int'.\n", info.insn_off);
    out.subprogs.push_back(std::move(s));
  }
  return std::nullopt;
}

std::optional<Problem> check_lines(const ProgSource& source, const Cfg& cfg, const btf::Btf& types) {
  u32 last = 0;
  std::size_t subprog = 0;
  for (std::size_t k = 0; k < source.line_info.size(); ++k) {
    const bpf_line_info& line = source.line_info[k];
    if ((k != 0 && line.insn_off <= last) || line.insn_off >= source.insns.size())
      return bad(format("Invalid line_info[%zu].insn_off:%u (prev_offset:%u prog->len:%zu)\n", k, line.insn_off, last,
                        source.insns.size()));
    if (source.insns[line.insn_off].code == 0) return bad(format("Invalid insn code at line_info[%zu].insn_off\n", k));
    if (!types.has_string(line.line_off) || !types.has_string(line.file_name_off))
      return bad(format("Invalid line_info[%zu].line_off or .file_name_off\n", k));
    if (subprog < cfg.subprogs.size()) {
      if (line.insn_off == cfg.subprogs[subprog].begin)
        ++subprog;
      else if (cfg.subprogs[subprog].begin < line.insn_off)
        return bad(format("missing bpf_line_info for func#%zu\n", subprog));
    }
    last = line.insn_off;
  }
  if (!source.line_info.empty() && subprog != cfg.subprogs.size())
    return bad(format("missing bpf_line_info for func#%zu\n", subprog));
  return std::nullopt;
}

}  // namespace

std::string ProgramBtf::source_line(const ProgSource& source, u32 insn, u32* record) const {
  if (!types || source.line_info.empty()) return {};
  const auto behind = std::upper_bound(source.line_info.begin(), source.line_info.end(), insn,
                                       [](u32 at, const bpf_line_info& l) { return at < l.insn_off; });
  if (behind == source.line_info.begin()) return {};
  const u32 index = static_cast<u32>(behind - source.line_info.begin() - 1);
  if (*record == index) return {};
  *record = index;
  const bpf_line_info& line = source.line_info[index];
  std::string_view text = types->string_at(line.line_off);
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  std::string_view file = types->string_at(line.file_name_off);
  if (const auto slash = file.rfind('/'); slash != std::string_view::npos) file.remove_prefix(slash + 1);
  return "; " + std::string(text) + " @ " + std::string(file) + format(":%u\n", line.line_col >> 10);
}

namespace {
// A tail call leaves a subprogram for good, a load from outside the packet with 0: without a signature nobody knows
// what its callers would get.
std::optional<Problem> check_tail_calls(const Cfg& cfg) {
  for (std::size_t s = 1; s < cfg.subprogs.size(); ++s) {
    if (cfg.subprogs[s].has_legacy_load)
      return bad("LD_ABS is not allowed in subprogs without BTF\n", cfg.subprogs[s].begin);
    if (cfg.subprogs[s].has_tail_call)
      return bad("tail_call is not allowed in subprogs without BTF\n", cfg.subprogs[s].begin);
  }
  return std::nullopt;
}
}  // namespace

std::optional<Problem> parse_program_btf(const ProgSource& source, const ProgSpec& spec, Cfg& cfg, ProgramBtf& out) {
  if (source.btf.empty()) {
    if (!source.func_info.empty() || !source.line_info.empty()) return bad("func_info or line_info without BTF\n");
    return check_tail_calls(cfg);
  }
  auto types = btf::Btf::parse(source.btf);
  if (!types) return Problem{.error = types.error().code(), .log = types.error().what() + "\n"};
  out.types = std::move(*types);
  if (source.func_info.empty()) {
    if (auto problem = check_tail_calls(cfg)) return problem;
  } else if (auto problem = read_functions(source, spec, cfg, out)) {
    return problem;
  }
  return check_lines(source, cfg, *out.types);
}

}  // namespace bpf::verifier
