// SPDX-License-Identifier: Apache-2.0
// exception.cc — a path that throws ends there, whatever its frames; the program's result is then what the exception
// callback returns, or without one the number thrown.
#include "bpf/verifier/exception.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "bpf/verifier/walk.h"

namespace bpf::verifier {
namespace {

constexpr std::string_view kTag = "exception_callback:";

Problem bad(int error, std::string log) {
  return Problem{.error = error, .log = std::move(log)};
}

// The names that tags of the entry give.
std::vector<std::string> tagged_names(const btf::Btf& types, u32 entry) {
  std::vector<std::string> names;
  for (u32 id = 1; id < types.count(); ++id)
    if (types.kind(id) == BTF_KIND_DECL_TAG && types.type(id).type == entry && types.component_index(id) == -1 &&
        types.name(id).starts_with(kTag))
      names.emplace_back(types.name(id).substr(kTag.size()));
  return names;
}

}  // namespace

std::optional<Problem> find_exception_callback(const ProgSource& source, Cfg& cfg) {
  // Hardly a program has one: its BTF is not read twice for nothing.
  const auto bytes = std::as_bytes(std::span(kTag));
  if (source.func_info.empty() || std::ranges::search(source.btf, bytes).empty()) return std::nullopt;
  const auto types = btf::Btf::parse(source.btf);
  if (!types) return std::nullopt;  // told later
  const u32 entry = source.func_info[0].type_id;
  const auto names = types->valid(entry) ? tagged_names(*types, entry) : std::vector<std::string>();
  if (names.empty()) return std::nullopt;
  if (names.size() > 1) return bad(EEXIST, "multiple exception callback tags for main subprog\n");
  const auto function = types->find(names[0], BTF_KIND_FUNC);
  if (!function) return bad(ENOENT, "exception callback '" + names[0] + "' could not be found in BTF\n");
  if (types->vlen(*function) != BTF_FUNC_GLOBAL)
    return bad(EINVAL, "exception callback '" + names[0] + "' must have global linkage\n");
  for (const bpf_func_info& info : source.func_info) {
    if (info.type_id != *function) continue;
    if (info.insn_off == 0 || info.insn_off >= source.insns.size())
      return bad(EINVAL, format("invalid exception callback insn_off in func_info: %u\n", info.insn_off));
    cfg.exception_callback = info.insn_off;
    return std::nullopt;
  }
  return bad(EINVAL, "exception callback type id not found in func_info\n");
}

bool is_throw(const bpf_insn& insn, const ProgramBtf& btf) {
  return is_call(insn) && insn.src_reg == BPF_PSEUDO_KFUNC_CALL && insn.off == 0 && btf.kernel != nullptr &&
         btf.kernel->types().valid(static_cast<u32>(insn.imm)) &&
         btf.kernel->types().name(static_cast<u32>(insn.imm)) == "bpf_throw";
}

void find_throws(const ProgSource& source, const ProgramBtf& btf, Cfg& cfg) {
  for (Subprog& s : cfg.subprogs)
    for (u32 i = s.begin; i < s.end && !s.throws_at; ++i)
      if (!cfg.second_slot[i] && is_throw(source.insns[i], btf)) s.throws_at = i;
}

// No exception callback: r1 of the call is what the program returns.
bool Walk::step_throw(const bpf_insn& i, bool* path_ends) {
  const Reg cookie = reg(BPF_REG_1);
  if (!call_kfunc(i)) return false;
  *path_ends = true;
  if (!check_nothing_held("bpf_throw", true)) return false;
  const ReturnRange* range = find_return_range();
  if (cfg_.exception_callback || walked_subprog_ != 0 || range == nullptr) return true;
  mark_precise(cookie);
  if (cookie.var.smin >= range->min && cookie.var.smax <= range->max) return true;
  return refuse_return("At program exit", BPF_REG_1, cookie, *range);
}

}  // namespace bpf::verifier
